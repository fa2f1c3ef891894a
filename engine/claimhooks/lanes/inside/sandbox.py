"""The sandbox of a worker: Landlock and seccomp, through the packages of `claimhooks[sandbox]`.

It is put on before any file of the hooks folder is loaded, and cannot be taken off.
"""

from __future__ import annotations

import errno
import fcntl
import os
import site
import socket
import sysconfig
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Final

import landlockpy
import seccompy

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLONE_THREAD: Final = 0x10000
_SOCKET_TYPE: Final = 0xF
_FCNTL: Final = (
    fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL,
    fcntl.F_SETFL, fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW,
)  # fmt: skip
_IOCTL: Final = (termios.FIONBIO, termios.FIOCLEX, termios.FIONCLEX, termios.FIONREAD,
                 termios.TCGETS, termios.TIOCGWINSZ)  # fmt: skip
_WRITING: Final = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC

# What computing, reading, waiting and speaking over what is open already take.
_ALLOWED: Final = """
    read pread64 readv write pwrite64 writev close lseek dup dup2 dup3 fstat newfstatat
    stat lstat statx access faccessat faccessat2 readlink readlinkat getcwd getdents64 pipe2
    mmap munmap mremap mprotect madvise brk mincore membarrier
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait sigaltstack restart_syscall
    getpid gettid getppid getuid geteuid getgid getegid getgroups getpgrp getsid uname sysinfo
    getrusage times getrandom sched_yield sched_getaffinity getcpu getpriority
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time
    alarm setitimer getitimer timerfd_create timerfd_settime timerfd_gettime
    futex futex_waitv set_robust_list get_robust_list set_tid_address rseq arch_prctl
    poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd2
    sendto recvfrom sendmsg recvmsg shutdown getsockopt setsockopt getsockname
    getpeername exit exit_group
"""
_NETWORK: Final = "socket connect bind listen accept4 sendmmsg recvmmsg"

_FOR_PYTHON: Final = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo",
    "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom",
)  # fmt: skip
_FOR_THE_NETWORK: Final = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf",
    "/etc/services", "/etc/protocols", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/usr/share/ca-certificates", "/run/systemd/resolve",
)  # fmt: skip


def put_on(*, network: bool) -> list[str]:
    """Confine this process for good; returns the layers that this kernel has."""
    layers: list[str] = []
    if landlockpy.supported():
        _restrict_access(network=network)
        layers.append("landlock")
    try:
        if seccompy.supported():
            _restrict_calls(network=network)
            layers.append("seccomp")
    except seccompy.SeccompError:
        # Not an architecture that the package knows.
        return layers
    return layers


def _restrict_access(*, network: bool) -> None:
    none = landlockpy.AccessNet.NONE
    scopes = landlockpy.Scope.SIGNAL
    if not network:
        # A resolver may listen at an abstract address.
        scopes |= landlockpy.Scope.ABSTRACT_UNIX_SOCKET
    reading = landlockpy.AccessFS.READ_FILE | landlockpy.AccessFS.READ_DIR
    with landlockpy.Ruleset(handled_net=none if network else None, scoped=scopes) as rules:
        for path in (*_python_folders(), *_FOR_PYTHON, *(_FOR_THE_NETWORK if network else ())):
            if os.path.isdir(path):  # noqa: PTH112 - a look at many paths, at each start
                rules.allow_path(path, reading)
            elif os.path.exists(path):  # noqa: PTH110
                rules.allow_path(path, landlockpy.AccessFS.READ_FILE)
        rules.restrict()


def _python_folders() -> Iterator[str]:
    """Where the standard library, the installed packages and claimhooks itself are."""
    yield from site.getsitepackages()
    paths = sysconfig.get_paths()
    yield from {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    yield str(Path(__file__).parents[2])


def _restrict_calls(*, network: bool) -> None:
    # Refused, not killed: a hook that asks for more gets a PermissionError with its own line.
    rules = seccompy.Filter(default=seccompy.Action.ERRNO | errno.EPERM)
    for name in f"{_ALLOWED} {_NETWORK if network else ''}".split():
        if (call := _number(name)) is not None:
            rules.allow(call)
    if (open_ := _number("open")) is not None:
        rules.allow(open_, args=[(1, seccompy.CmpOp.MASKED_EQ, os.O_RDONLY, _WRITING)])
    rules.allow("openat", args=[(2, seccompy.CmpOp.MASKED_EQ, os.O_RDONLY, _WRITING)])
    # Streams only: over a pair of datagram sockets anything could be sent to any other socket.
    stream = (1, seccompy.CmpOp.MASKED_EQ, socket.SOCK_STREAM, _SOCKET_TYPE)
    rules.allow("socketpair", args=[(0, seccompy.CmpOp.EQ, socket.AF_UNIX), stream])
    # No signals by way of a descriptor's owner.
    for command in _FCNTL:
        rules.allow("fcntl", args={1: command})
    for command in _IOCTL:
        rules.allow("ioctl", args={1: command})
    # Threads, but no processes. The flags of clone3 cannot be seen, so glibc is sent to clone.
    rules.allow("clone", args=[(0, seccompy.CmpOp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD)])
    rules.errno("clone3", errno.ENOSYS)
    # Its own limits may be read, and only they; signals go to itself.
    rules.allow("prlimit64", args={0: 0, 2: 0})
    rules.allow("kill", args={0: os.getpid()})
    rules.allow("tgkill", args={0: os.getpid()})
    rules.load()


def _number(name: str) -> int | None:
    """The number of a system call; None where this architecture does not have it."""
    try:
        return seccompy.syscall_nr(name)
    except ValueError:
        return None


def warm_up() -> None:
    """Let the packages find what they need while there is no sandbox yet."""
    landlockpy.supported()
    seccompy.supported()
