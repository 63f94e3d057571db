# SPDX-License-Identifier: Apache-2.0
"""corral-init is small, has no heap and no C++ library in it, and a spawn maps no memory."""
import os
import re
import subprocess
import tempfile

import corral
from reaper_driver import Reaper, check

BUILD = os.environ['CORRAL_BUILD']
HEAP = {'malloc', 'calloc', 'realloc', 'free', 'aligned_alloc', '__libc_malloc', '__libc_free', '__malloc_donate'}


def names_of(*arguments):
    lines = subprocess.run(['nm', *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {line.split()[-1] for line in lines}


def symbols():
    thing = os.path.join(BUILD, 'reaper', 'corral-init.o')
    if not os.path.exists(thing):
        corral.skip('corral-init is not linked against musl here')
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.join(directory, 'unstripped')
        subprocess.run(['musl-gcc', '-static', '-no-pie', '-Wl,--gc-sections', thing, '-o', program], check=True)
        names = names_of(program)
    check('no heap among its %d symbols' % len(names), len(names) > 50 and not names & HEAP, names & HEAP)
    wanted = names_of('-u', thing)
    # Templates of headers are compiled into it; what it would need of libstdc++'s object has a mangled name.
    library = {name for name in wanted if re.match(r'_Z|__cxa|__gxx|_Unwind', name)}
    check('nothing of libstdc++ among the %d it needs' % len(wanted), wanted and not library, library)
    program = os.path.join(BUILD, 'reaper', 'corral-init')
    size = os.path.getsize(program)
    check('its %d bytes are less than 100,000' % size, size < 100000)
    kind = subprocess.run(['readelf', '-ld', program], check=True, stdout=subprocess.PIPE, text=True).stdout
    check('it needs no interpreter and no library', 'INTERP' not in kind and 'NEEDED' not in kind)


def no_memory_calls():
    with tempfile.TemporaryDirectory() as directory, Reaper() as reaper:
        reaper.accept()
        log = os.path.join(directory, 'calls')
        tracer = subprocess.Popen(['strace', '-o', log, '-e', 'trace=brk,mmap,munmap,mremap,clone3', '-p',
                                   str(reaper.pid)], stderr=subprocess.PIPE, text=True)
        if 'attached' not in tracer.stderr.readline():
            corral.skip('strace cannot trace here')
        for _ in range(50):
            reaper.launch(['/bin/true']).close()
            reaper.exit()
        tracer.terminate()
        tracer.wait(10)
        with open(log, encoding='ascii') as file:
            calls = [line.split('(')[0] for line in file if '(' in line]
        check('50 launches', calls.count('clone3') == 50, calls.count('clone3'))
        check('none of them asked for memory', not set(calls) - {'clone3'}, set(calls))


def few_pages():
    with Reaper() as reaper:
        reaper.accept()
        for _ in range(20):
            reaper.launch(['/bin/true']).close()
            reaper.exit()
        with open('/proc/%d/smaps_rollup' % reaper.pid, encoding='ascii') as file:
            private = sum(int(line.split()[1]) for line in file if line.startswith('Private_Dirty'))
        check('the reaper has %d KiB of its own' % private, private < 256)


def main():
    symbols()
    no_memory_calls()
    few_pages()


if __name__ == '__main__':
    main()
