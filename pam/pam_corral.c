/* SPDX-License-Identifier: Apache-2.0 */
/* pam_corral(8): makes a login session a job. It speaks no protocol and links
 * nothing but libpam: it runs `corral session open` and `close`, in a process
 * group of its own, and waits no longer than it was told.
 *
 * It runs as root inside sshd, su, login and cron: it changes no signal, starts
 * no thread, leaves no descriptor and no child behind, and writes to nobody's
 * standard output. Whatever goes wrong, the login goes on, unless fail_closed
 * was asked for. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

static const char kDataName[] = "pam_corral.session";

struct settings {
  const char* program;
  long timeout_ms;
  int is_closed_on_failure;
  int is_verbose;
  int accepts_less;
  const char* nest;
  const char* mode;
  const char* domain;
  const char* project;
  const char* account;
  const char* stragglers;
  const char* grace;
  const char* skip; /* services, with commas between */
};

/* What is remembered in the PAM handle between the hooks. */
struct session {
  char jid[24];
  int is_ours; /* opened by this handle, and not closed yet */
};

/* NAME=VALUE options and where their values go. */
struct option {
  const char* name;
  const char** value;
};

/* The value of `word` if it is NAME=VALUE. */
static const char* value_of(const char* word, const char* name) {
  size_t size = strlen(name);
  return strncmp(word, name, size) == 0 && word[size] == '=' ? word + size + 1
                                                             : NULL;
}

static int read_timeout(const char* text, long* milliseconds) {
  char* end = NULL;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < 1 || value > 60000)
    return 0;
  *milliseconds = value;
  return 1;
}

/* Says what is wrong with an option, and what was expected. */
static void complain(pam_handle_t* pamh, const char* word,
                     const char* expected) {
  pam_syslog(pamh, LOG_ERR, "option '%s' counts for nothing: expected %s", word,
             expected);
}

static struct settings read_settings(pam_handle_t* pamh, int argc,
                                     const char** argv) {
  struct settings found = {.program = CORRAL_PROGRAM, .timeout_ms = 2000};
  const struct option options[] = {
      {"program", &found.program},
      {"nest", &found.nest},
      {"domain", &found.domain},
      {"grace", &found.grace},
      {"stragglers", &found.stragglers},
      {"skip", &found.skip},
      {"project", &found.project},
      {"account", &found.account},
      {"mode", &found.mode},
  };
  for (int i = 0; i < argc; ++i) {
    const char* timeout = value_of(argv[i], "timeout");
    int is_known = timeout != NULL;
    if (timeout != NULL && !read_timeout(timeout, &found.timeout_ms))
      complain(pamh, argv[i], "milliseconds from 1 to 60000");
    for (size_t j = 0; j < sizeof options / sizeof *options; ++j) {
      const char* value = value_of(argv[i], options[j].name);
      if (value == NULL) continue;
      is_known = 1;
      if (*value != '\0')
        *options[j].value = value;
      else
        complain(pamh, argv[i], "a value behind the '='");
    }
    if (strcmp(argv[i], "fail_closed") == 0)
      is_known = found.is_closed_on_failure = 1;
    if (strcmp(argv[i], "verbose") == 0) is_known = found.is_verbose = 1;
    if (strcmp(argv[i], "accept_less") == 0) is_known = found.accepts_less = 1;
    if (!is_known)
      complain(pamh, argv[i],
               "fail_closed, verbose, accept_less, or timeout, program, nest, "
               "mode, domain, project, account, stragglers, grace or skip with "
               "'=' and a value");
  }
  return found;
}

static const char* item_of(pam_handle_t* pamh, int item) {
  const void* text = NULL;
  if (pam_get_item(pamh, item, &text) != PAM_SUCCESS || text == NULL) return "";
  return text;
}

/* Whether `name` is among names with commas between. */
static int is_listed(const char* list, const char* name) {
  size_t size = strlen(name);
  while (list != NULL && size > 0) {
    const char* comma = strchr(list, ',');
    size_t length = comma != NULL ? (size_t)(comma - list) : strlen(list);
    if (length == size && strncmp(list, name, size) == 0) return 1;
    list = comma != NULL ? comma + 1 : NULL;
  }
  return 0;
}

static long now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

/* In the child: nothing of the login's is left but its end of the pipe.
 * `patience`: CORRAL_TIMEOUT=..., of its environment. */
static void become_command(const char* const* words, const char* patience,
                           int output) {
  const char* const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                     patience, NULL};
  (void)setpgid(0, 0);
  struct sigaction usual = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; ++number)
    (void)sigaction(number, &usual, NULL);
  sigset_t none;
  (void)sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  /* su's real user is who called it. */
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) _exit(125);
  /* Above what they are to become: the login may have closed those. */
  const int answer = fcntl(output, F_DUPFD, 3);
  const int nothing = open("/dev/null", O_RDWR);
  if (answer < 0 || nothing < 0 || dup2(nothing, 0) < 0 ||
      dup2(answer, 1) < 0 || dup2(answer, 2) < 0)
    _exit(125);
  if (syscall(SYS_close_range, 3U, UINT_MAX, 0U) < 0)
    for (int fd = 3; fd < 1024; ++fd)
      (void)close(fd);
  (void)chdir("/") /* an unmounted home keeps nobody */;
  execve(words[0], (char* const*)words, (char* const*)environment);
  static const char kWords[] = "cannot be executed\n";
  (void)!write(2, kWords, sizeof kWords - 1);
  _exit(127);
}

/* Reads until the command has closed its output. 0: not before the deadline. */
static int read_answer(int input, char* text, size_t room, long deadline) {
  size_t used = 0;
  for (;;) {
    long left = deadline - now_ms();
    struct pollfd wait = {.fd = input, .events = POLLIN};
    int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return 0;
    char rest[256];
    ssize_t size = used + 1 < room ? read(input, text + used, room - used - 1)
                                   : read(input, rest, sizeof rest);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return 1;
    if (used + 1 < room) used += (size_t)size;
    text[used] = '\0';
  }
}

/* Whether the command ended before the deadline. Whoever has closed its output
 * and goes on has no more time than that. */
static int has_ended(pid_t child, long deadline) {
  const int pidfd = (int)syscall(SYS_pidfd_open, child, 0U);
  if (pidfd < 0) return 0;
  struct pollfd wait = {.fd = pidfd, .events = POLLIN};
  int ready = 0;
  do {
    const long left = deadline - now_ms();
    ready = poll(&wait, 1, left > 0 ? (int)left : 0);
  } while (ready < 0 && errno == EINTR);
  (void)close(pidfd);
  return ready == 1;
}

/* Waits for the command: what was killed ends at once. Somebody's handler may
 * have waited before us. */
static void take_child(pid_t child, int is_ended) {
  if (!is_ended) {
    (void)kill(-child, SIGKILL);
    (void)kill(child, SIGKILL); /* before its setpgid */
  }
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
  }
}

/* Runs the command; what it says is in `text`. 0: it did not, in time. */
static int run(const struct settings* settings, const char* const* words,
               char* text, size_t room) {
  int ends[2];
  text[0] = '\0';
  if (pipe2(ends, O_CLOEXEC) < 0) return 0;
  const long deadline = now_ms() + settings->timeout_ms;
  /* The command gives up first, so that it can say why. */
  char patience[48];
  (void)snprintf(patience, sizeof patience, "CORRAL_TIMEOUT=%ldms",
                 (settings->timeout_ms + 1) / 2);
  const pid_t child = fork();
  if (child == 0) become_command(words, patience, ends[1]);
  (void)close(ends[1]);
  int is_done = 0;
  if (child > 0) {
    (void)setpgid(child, child); /* whoever of us is first */
    is_done = read_answer(ends[0], text, room, deadline);
    take_child(child, is_done && has_ended(child, deadline));
  }
  (void)close(ends[0]);
  text[strcspn(text, "\n")] = '\0';
  return is_done;
}

static void forget(pam_handle_t* pamh, void* data, int status) {
  (void)pamh;
  (void)status;
  free(data);
}

/* Puts NAME=JID into the session's environment. */
static void put_jid(pam_handle_t* pamh, const char* name, const char* jid) {
  char entry[64];
  (void)snprintf(entry, sizeof entry, "%s=%s", name, jid);
  (void)pam_putenv(pamh, entry);
}

/* Remembers "0x12 opened" or "0x12 existing". 0: it is neither. */
static int take_answer(pam_handle_t* pamh, const char* text) {
  struct session* session = calloc(1, sizeof *session);
  if (session == NULL) return 0;
  char word[16] = "";
  const int count = sscanf(text, "%23s %15s", session->jid, word);
  session->is_ours = strcmp(word, "opened") == 0;
  if (count != 2 || strncmp(session->jid, "0x", 2) != 0 ||
      (!session->is_ours && strcmp(word, "existing") != 0) ||
      pam_set_data(pamh, kDataName, session, forget) != PAM_SUCCESS) {
    free(session);
    return 0;
  }
  put_jid(pamh, "CORRAL_JID", session->jid);
  put_jid(pamh, "JOB_ID", session->jid);
  return 1;
}

/* What the handle remembers; NULL: nothing. */
static struct session* remembered(pam_handle_t* pamh) {
  const void* data = NULL;
  if (pam_get_data(pamh, kDataName, &data) != PAM_SUCCESS) return NULL;
  return (struct session*)data;
}

static void add_option(const char** words, size_t* used, const char* name,
                       const char* value) {
  if (value == NULL || *value == '\0') return;
  words[(*used)++] = name;
  words[(*used)++] = value;
}

static int open_session(pam_handle_t* pamh, int argc, const char** argv) {
  /* A stack that includes another has us in it twice. */
  if (remembered(pamh) != NULL) return PAM_SUCCESS;
  const struct settings settings = read_settings(pamh, argc, argv);
  const char* service = item_of(pamh, PAM_SERVICE);
  if (is_listed(settings.skip, service)) return PAM_SUCCESS;
  char leader[16];
  (void)snprintf(leader, sizeof leader, "%d", (int)getpid());
  const char* words[32] = {settings.program, "session", "open", "--system"};
  size_t used = 4;
  add_option(words, &used, "--user", item_of(pamh, PAM_USER));
  add_option(words, &used, "--leader", leader);
  add_option(words, &used, "--service", service);
  add_option(words, &used, "--nest", settings.nest);
  add_option(words, &used, "--mode", settings.mode);
  add_option(words, &used, "--domain", settings.domain);
  add_option(words, &used, "--project", settings.project);
  add_option(words, &used, "--account", settings.account);
  add_option(words, &used, "--stragglers", settings.stragglers);
  add_option(words, &used, "--grace", settings.grace);
  if (settings.accepts_less) words[used] = "--accept-less";
  char text[512];
  const int is_done = run(&settings, words, text, sizeof text);
  if (is_done && take_answer(pamh, text)) {
    if (settings.is_verbose)
      pam_syslog(pamh, LOG_INFO, "the session of %s is job %s",
                 item_of(pamh, PAM_USER), text);
    return PAM_SUCCESS;
  }
  pam_syslog(pamh, settings.is_closed_on_failure ? LOG_ERR : LOG_WARNING,
             "the session of %s is no job: '%s' %s%s", item_of(pamh, PAM_USER),
             settings.program, is_done ? "says: " : "gave no answer in time",
             text);
  return settings.is_closed_on_failure ? PAM_SESSION_ERR : PAM_SUCCESS;
}

int pam_sm_open_session(pam_handle_t* pamh, int flags, int argc,
                        const char** argv) {
  (void)flags;
  return open_session(pamh, argc, argv);
}

/* For services that open no session; with both hooks the first one opens it. */
int pam_sm_acct_mgmt(pam_handle_t* pamh, int flags, int argc,
                     const char** argv) {
  (void)flags;
  const int done = open_session(pamh, argc, argv);
  return done == PAM_SESSION_ERR ? PAM_PERM_DENIED : done;
}

int pam_sm_close_session(pam_handle_t* pamh, int flags, int argc,
                         const char** argv) {
  (void)flags;
  struct session* session = remembered(pamh);
  if (session == NULL || !session->is_ours) return PAM_SUCCESS;
  session->is_ours = 0;
  const struct settings settings = read_settings(pamh, argc, argv);
  const char* const words[] = {settings.program, "session",    "close",
                               "--system",       session->jid, NULL};
  char text[512];
  if (!run(&settings, words, text, sizeof text) || text[0] != '\0')
    pam_syslog(pamh, LOG_WARNING, "job %s is not closed: %s", session->jid,
               text[0] != '\0' ? text : "no answer in time");
  return PAM_SUCCESS;
}

int pam_sm_authenticate(pam_handle_t* pamh, int flags, int argc,
                        const char** argv) {
  (void)pamh;
  (void)flags;
  (void)argc;
  (void)argv;
  return PAM_IGNORE;
}

int pam_sm_setcred(pam_handle_t* pamh, int flags, int argc, const char** argv) {
  return pam_sm_authenticate(pamh, flags, argc, argv);
}
