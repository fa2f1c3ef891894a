"""What well-known functions of Python and of packages do, by their full names.

Only what is certain: each of these does what its set says, or makes what has no other use,
whatever it is given.
"""

from __future__ import annotations

from typing import Final


def _of(module: str, names: str) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for name in names.split())


_VERBS: Final = "get post put patch delete head options request"

NETWORK: Final = frozenset[str]().union(
    _of("socket", "socket create_connection create_server getaddrinfo getfqdn"),
    _of("socket", "gethostbyname gethostbyname_ex gethostbyaddr getnameinfo"),
    _of("asyncio", "open_connection start_server open_unix_connection start_unix_server"),
    _of("http.client", "HTTPConnection HTTPSConnection"),
    _of("urllib.request", "urlopen urlretrieve build_opener"),
    _of("urllib3", "PoolManager ProxyManager HTTPConnectionPool HTTPSConnectionPool request"),
    _of("requests", f"{_VERBS} Session session"),
    *(_of(name, f"{_VERBS} stream Client AsyncClient") for name in ("httpx", "httpx2")),
    _of("aiohttp", "ClientSession request TCPConnector"),
    _of("smtplib", "SMTP SMTP_SSL LMTP"),
    _of("imaplib", "IMAP4 IMAP4_SSL"),
    _of("poplib", "POP3 POP3_SSL"),
    _of("ftplib", "FTP FTP_TLS"),
    _of("xmlrpc.client", "ServerProxy"),
    _of("websockets", "connect"),
    _of("redis", "Redis StrictRedis from_url Redis.from_url"),
    _of("redis.asyncio", "Redis from_url Redis.from_url"),
    _of("psycopg", "connect"),
    _of("psycopg", "AsyncConnection.connect Connection.connect"),
    _of("psycopg2", "connect"),
    _of("asyncpg", "connect create_pool"),
    _of("pymysql", "connect"),
    _of("pymongo", "MongoClient AsyncMongoClient"),
    _of("boto3", "client resource"),
    _of("ldap3", "Connection"),
    _of("paramiko", "SSHClient"),
    _of("dns.resolver", "resolve query"),
    _of("grpc", "insecure_channel secure_channel"),
    _of("grpc.aio", "insecure_channel secure_channel"),
)

FILES: Final = frozenset[str]().union(
    _of("builtins", "open"),
    _of("io", "open FileIO open_code"),
    _of("codecs", "open"),
    _of("os", "open listdir scandir walk fwalk remove unlink rename renames replace mkdir"),
    _of("os", "makedirs rmdir removedirs symlink link chmod chown truncate mkfifo mknod utime"),
    _of("pathlib.Path()", "open read_text read_bytes write_text write_bytes iterdir glob rglob"),
    _of("pathlib.Path()", "walk mkdir touch unlink rename replace rmdir symlink_to hardlink_to"),
    _of("pathlib.Path()", "chmod lchmod"),
    _of("shutil", "copy copy2 copyfile copytree copymode copystat move rmtree make_archive"),
    _of("shutil", "unpack_archive"),
    _of("tempfile", "TemporaryFile NamedTemporaryFile TemporaryDirectory mkstemp mkdtemp"),
    _of("glob", "glob iglob"),
    _of("fileinput", "input FileInput"),
    _of("shelve", "open"),
    _of("dbm", "open"),
    _of("sqlite3", "connect"),
    _of("aiofiles", "open"),
    _of("logging", "FileHandler"),
    _of("logging.handlers", "RotatingFileHandler TimedRotatingFileHandler WatchedFileHandler"),
)

PROCESSES: Final = frozenset[str]().union(
    _of("subprocess", "run call check_call check_output getoutput getstatusoutput Popen"),
    _of("os", "system popen fork forkpty posix_spawn posix_spawnp startfile"),
    _of("os", "execl execle execlp execlpe execv execve execvp execvpe"),
    _of("os", "spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe"),
    _of("pty", "spawn fork"),
    _of("asyncio", "create_subprocess_exec create_subprocess_shell"),
    _of("multiprocessing", "Process Pool Manager"),
    _of("concurrent.futures", "ProcessPoolExecutor"),
)

CLOCK: Final = frozenset[str]().union(
    _of("time", "time time_ns"),
    _of("datetime", "datetime.now datetime.utcnow datetime.today date.today"),
    _of("arrow", "now utcnow"),
    _of("pendulum", "now today tomorrow yesterday"),
    _of("django.utils.timezone", "now localtime localdate"),
)

CLOCK_WITHOUT: Final = {
    "time.localtime": 1,
    "time.gmtime": 1,
    "time.ctime": 1,
    "time.asctime": 1,
    "time.strftime": 2,
}
"""What reads the clock if it is given fewer arguments than this."""

RANDOMNESS: Final = frozenset[str]().union(
    _of("random", "random randint randrange randbytes getrandbits choice choices shuffle sample"),
    _of("random", "uniform triangular betavariate binomialvariate expovariate gammavariate gauss"),
    _of("random", "lognormvariate normalvariate paretovariate vonmisesvariate weibullvariate"),
    _of("random", "SystemRandom"),
    _of("secrets", "token_bytes token_hex token_urlsafe randbelow randbits choice SystemRandom"),
    _of("uuid", "uuid1 uuid4 uuid6 uuid7"),
    _of("os", "urandom getrandom"),
)

RANDOMNESS_WITHOUT: Final = {"random.Random": 1, "random.seed": 1}
"""What is seeded by chance if it is given fewer arguments than this."""

BLOCKING: Final = frozenset[str]().union(
    _of("time", "sleep"),
    _of("builtins", "input"),
    _of("socket", "create_connection getaddrinfo getfqdn gethostbyname gethostbyname_ex"),
    _of("socket", "gethostbyaddr getnameinfo"),
    _of("http.client", "HTTPConnection().request HTTPSConnection().request"),
    _of("http.client", "HTTPConnection().getresponse HTTPSConnection().getresponse"),
    _of("urllib.request", "urlopen urlretrieve"),
    _of("urllib3", "request"),
    _of("urllib3.PoolManager()", "request urlopen"),
    _of("requests", _VERBS),
    _of("requests.Session()", f"{_VERBS} send"),
    _of("requests.session()", f"{_VERBS} send"),
    *(_of(name, f"{_VERBS} stream") for name in ("httpx", "httpx2")),
    *(_of(f"{name}.Client()", f"{_VERBS} stream send") for name in ("httpx", "httpx2")),
    _of("subprocess", "run call check_call check_output getoutput getstatusoutput"),
    _of("subprocess.Popen()", "wait communicate"),
    _of("os", "system wait waitpid"),
    _of("psycopg", "connect"),
    _of("psycopg", "Connection.connect"),
    _of("psycopg2", "connect"),
    _of("pymysql", "connect"),
    _of("dns.resolver", "resolve query"),
)
