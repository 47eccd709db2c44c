"""What a process inherits from whoever started it: nohup, cron, systemd, `&` in a script, a CI runner.

A signal that was ignored or blocked there is ignored or blocked in every process started from here, and a
tool keeps to that: nohup's job is not to end at SIGHUP. So tests of signals start from a clean slate.
Nor may the number of processors matter.
"""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy loads; small models are slower on more
OWN = (signal.SIGPIPE, signal.SIGXFSZ)  # Python ignores these itself, and subprocess restores them
LEFT_ALONE = (signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, *OWN)


def forget_signals():
    """Let processes started from here have every signal's default, and none blocked.

    This process itself still ignores those signals, through a handler that does nothing: processes that it
    starts do not inherit handlers.
    """
    for number in signal.valid_signals():
        if number not in LEFT_ALONE and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else _ignore)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _ignore(_number, _frame):
    pass
