/* SPDX-License-Identifier: Apache-2.0 */
/* libjob: the job interface of SGI's IRIX and of Linux CSA, answered by Corral.
 * A program written for it compiles, links (-ljob) and runs.
 *
 * A call that fails returns (jid_t)-1 or -1 and sets errno:
 *   ENOENT   no instance of Corral answers
 *   ENODATA  there is no such job; the process is in none
 *   EPERM    it is another user's
 *   EINVAL   an argument is wrong; the process is in a job already
 *   EBUSY    its name or number is taken; a bound of the instance was reached
 *   ESRCH    there is no such process
 *   ENOSYS   Corral has no such thing: see job(3) */
#ifndef _JOB_H
#define _JOB_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t jid_t;

/* The status that job_waitjid gives when nobody knows one: the job had no main
 * process, it was never started, or who would have heard of its end was killed.
 * It is no exit and no signal to the macros of wait(2). */
#define JOB_NO_STATUS (-1)

jid_t job_create(jid_t requested, uid_t uid, int options);
jid_t job_getjid(pid_t pid);
jid_t job_waitjid(jid_t jid, int* status, int options);
int job_killjid(jid_t jid, int sig);
int job_getjidcnt(void);
int job_getjidlist(jid_t* jids, int bufsize); /* in bytes */
int job_getpidcnt(jid_t jid);
int job_getpidlist(jid_t jid, pid_t* pids, int bufsize); /* in bytes */
uid_t job_getuid(jid_t jid);
pid_t job_getprimepid(jid_t jid);
int job_sethid(unsigned int hid);
int job_detachjid(jid_t jid);
jid_t job_detachpid(pid_t pid);
jid_t job_attachpid(pid_t pid, jid_t jid);
int job_runcsa(int action);

/* The names of IRIX. */
#define makenewjob(requested, uid) job_create((requested), (uid), 0)
#define getjid(pid) job_getjid(pid)
#define killjob(jid, sig) job_killjid((jid), (sig))

#ifdef __cplusplus
}
#endif

#endif
