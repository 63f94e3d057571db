# SPDX-License-Identifier: Apache-2.0
"""How long a supervisor lets its clients wait; without what client and supervisor wait for a processor, which is not theirs to
say: on a starved machine either may wait a tenth of a second for each turn."""

import contextlib
import pathlib
import time


def processor_wait(*pids):
    """Seconds that these have waited for a processor (Documentation/scheduler/sched-stats.rst)."""
    return sum(int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[1]) for pid in pids) / 1e9


class AnswerTimes:
    def __init__(self, supervisor):
        self.pids = ("self", supervisor)
        self.slowest = 0.0  # seconds

    @contextlib.contextmanager
    def measured(self):
        """What is done within is one question and its answer."""
        waited, began = processor_wait(*self.pids), time.perf_counter()
        yield
        took = time.perf_counter() - began
        self.slowest = max(self.slowest, took - (processor_wait(*self.pids) - waited))
