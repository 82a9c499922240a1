"""Proves that Python code only reads and prints: by its syntax tree, where each name and attribute is one of a list.

What is not on a list may do anything: a module's attribute may be another module, an attribute of a function or a
generator leads to the interpreter's own. So no name stands for a module, `open` or `Path` but where it is used, and no
attribute has an underscore in front. Which files are read is handed on, to be judged as any other read; they must be
written out.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Final

MODULES: Final[dict[str, frozenset[str]]] = {
    name: frozenset(attributes.split())
    for name, attributes in {
        "json": "load loads dump dumps JSONDecodeError",
        "sys": "argv version version_info platform executable stdin stdout stderr exit maxsize byteorder prefix",
        "re": "compile search match fullmatch findall finditer sub subn split escape I IGNORECASE M MULTILINE S DOTALL",
        "math": "ceil comb cos dist e exp factorial floor fmod fsum gcd hypot inf isclose isinf isnan isqrt lcm log"
        " log10 log2 nan perm pi pow prod radians degrees sin sqrt tan tau trunc",
        "itertools": "accumulate chain combinations compress count cycle dropwhile filterfalse groupby islice pairwise"
        " permutations product repeat starmap takewhile tee zip_longest",
        "collections": "Counter OrderedDict defaultdict deque ChainMap",
        "functools": "reduce partial",
        "operator": "itemgetter add mul sub",
        "string": "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits punctuation capwords",
        "textwrap": "dedent fill indent shorten wrap",
        "datetime": "datetime date time timedelta timezone UTC",
        "time": "time monotonic perf_counter strftime gmtime localtime sleep ctime",
        "statistics": "mean median mode stdev pstdev variance quantiles",
        "random": "random randint choice choices sample seed shuffle uniform",
        "csv": "reader DictReader writer DictWriter",
        "base64": "b64decode b64encode urlsafe_b64decode urlsafe_b64encode b32encode b32decode",
        "hashlib": "md5 sha1 sha256 sha512 sha224 sha384 blake2b",
        "binascii": "hexlify unhexlify crc32",
        "struct": "pack unpack calcsize",
        "decimal": "Decimal",
        "fractions": "Fraction",
        "pprint": "pprint pformat",
        "tomllib": "load loads",
        "html": "escape unescape",
        "uuid": "uuid4 uuid5 UUID",
        "unicodedata": "name category normalize",
        "difflib": "unified_diff ndiff SequenceMatcher get_close_matches",
        "os": "getcwd sep linesep cpu_count getpid path",
        "os.path": "basename dirname join splitext split exists isfile isdir getsize abspath relpath normpath",
        "urllib.parse": "quote unquote urlencode parse_qs parse_qsl urlsplit urlparse urljoin",
        "platform": "python_version system machine release",
        "importlib.metadata": "version",
        "pathlib": "Path PurePath",
    }.items()
}
"""What may be used of a module."""
PACKAGES: Final = frozenset(name.partition(".")[0] for name in MODULES)
IMPORTED: Final = re.compile(r"(?:^|[;:])[ \t]*(?:import|from)[ \t]+(\w+)", re.MULTILINE)
BUILTINS: Final = frozenset(
    """
    print len sum min max sorted enumerate range zip map filter any all abs round int float complex str repr bool list
    dict set tuple frozenset bytes bytearray chr ord hex bin oct divmod pow hash isinstance reversed iter next slice
    format ascii
    True False None Exception ValueError KeyError TypeError IndexError StopIteration SystemExit NotImplementedError
    ZeroDivisionError AttributeError RuntimeError OSError FileNotFoundError UnicodeDecodeError AssertionError
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
ATTRIBUTES: Final = frozenset(
    """
    append extend insert pop remove clear copy count index sort reverse add discard update union intersection difference
    issubset issuperset isdisjoint symmetric_difference get items keys values setdefault popitem fromkeys most_common
    elements total appendleft popleft rotate
    split rsplit splitlines strip lstrip rstrip join lower upper title capitalize casefold swapcase startswith endswith
    removeprefix removesuffix find rfind rindex replace center ljust rjust zfill partition rpartition expandtabs encode
    decode isdigit isalpha isalnum isnumeric isdecimal isspace isupper islower isidentifier translate hex
    read readline readlines close write writelines writerow writerows writeheader fieldnames flush buffer
    group groups groupdict start end span string pattern digest hexdigest match fullmatch search findall finditer sub
    year month day hour minute second microsecond weekday isoweekday isoformat strftime strptime timestamp date time
    now today utcnow fromtimestamp fromisoformat total_seconds days seconds combine
    real imag conjugate is_integer bit_length as_integer_ratio numerator denominator quantize
    netloc scheme hostname port path query fragment
    name stem suffix suffixes parent parents parts exists is_file is_dir as_posix is_absolute relative_to with_suffix
    with_name with_stem joinpath major minor micro msg args ratio quick_ratio __name__
    """.split()  # noqa: SIM905
)
"""Attributes that of no object which such code can get do more than read, change that object, or print."""
PATH_READS: Final = frozenset({"read_text", "read_bytes"})
PATH_WORDS: Final = frozenset({"replace", "copy"})
"""Attributes that do something to a file if the object is a path."""
READS: Final = frozenset({"r", "rb", "rt"})
FIELD: Final = re.compile(r"\{[^{}]*[.\[]")
NODES: Final = (
    ast.Module, ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.While, ast.If, ast.With, ast.withitem,
    ast.Try, ast.ExceptHandler, ast.Import, ast.ImportFrom, ast.alias, ast.Pass, ast.Break, ast.Continue, ast.Return,
    ast.Assert, ast.Raise, ast.FunctionDef, ast.Lambda, ast.arguments, ast.arg, ast.BoolOp, ast.NamedExpr, ast.BinOp,
    ast.UnaryOp, ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Yield,
    ast.Compare, ast.Call, ast.keyword, ast.FormattedValue, ast.JoinedStr, ast.Constant, ast.Attribute, ast.Subscript,
    ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice, ast.comprehension, ast.expr_context, ast.boolop,
    ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip


class _Doubt(Exception):  # noqa: N818 - not a fault: code that is not proved
    """This code may do more than read and print."""


def python_reads(text: str) -> tuple[str | None, list[str]]:
    """Return why code may do more than read and print, `None` if it does not, and the files that it reads."""
    for found in IMPORTED.finditer(text):  # much quicker than to read code that is not proved anyhow
        if found[1] not in PACKAGES:
            return f"the Python code may do more than read and print (import {found[1][:40]})", []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        return None, _Reader(tree).paths
    except _Doubt as doubt:
        return f"the Python code may do more than read and print ({doubt})", []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "the Python code is not understood", []


class _Reader:
    """Goes through a syntax tree; raises `_Doubt` at the first thing that is not known to be harmless."""

    def __init__(self, tree: ast.Module) -> None:
        self.paths: list[str] = []
        self._modules: dict[str, str] = {}
        self._sensitive = {"open": "open"}
        self._names = set[str](BUILTINS) | {"__name__"}
        nodes = list(ast.walk(tree))
        for node in nodes:
            self._bind(node)
        self._used: dict[int, str] = {}
        for node in nodes:
            self._check(node)

    def _bind(self, node: ast.AST) -> None:
        if not isinstance(node, NODES):
            raise _Doubt(type(node).__name__)
        if isinstance(node, ast.Import):
            for one in node.names:
                self._import(one.name, one.asname)
        elif isinstance(node, ast.ImportFrom):
            self._import_from(node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self._name(node.id)
        elif isinstance(node, (ast.arg, ast.FunctionDef, ast.ExceptHandler)):
            name = node.arg if isinstance(node, ast.arg) else node.name
            if name is not None:
                self._name(name)
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                raise _Doubt("a decorator")

    def _name(self, name: str) -> None:
        if name.startswith("__") or name in self._modules or name in {"open", "Path", "PurePath"}:
            raise _Doubt(name)
        self._names.add(name)

    def _import(self, name: str, alias: str | None) -> None:
        if name not in MODULES:
            raise _Doubt(f"import {name}")
        if alias is None and "." in name:
            self._modules.setdefault(name.partition(".")[0], name.partition(".")[0])
        self._modules[alias or name] = name

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for one in node.names:
            full = f"{module}.{one.name}"
            if node.level or (one.name not in MODULES.get(module, ()) and full not in MODULES):
                raise _Doubt(f"from {module} import {one.name}")
            if full in MODULES:
                self._modules[one.asname or one.name] = full
            elif module == "pathlib":
                self._sensitive[one.asname or one.name] = "Path"
            else:
                self._names.add(one.asname or one.name)

    def _check(self, node: ast.AST) -> None:
        """Check one node; `ast.walk` comes to what is around a node before it comes to the node."""
        if isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in self._used:
            if node.id in self._modules or node.id in self._sensitive or node.id not in self._names:
                raise _Doubt(node.id)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and self._has_paths():
            raise _Doubt("a path known only at run time")

    def _has_paths(self) -> bool:
        return "pathlib" in self._modules.values() or "Path" in self._sensitive.values()

    def _call(self, node: ast.Call) -> None:
        function = node.func
        if not isinstance(function, (ast.Name, ast.Attribute)):
            raise _Doubt("a call of what is known only at run time")
        what = self._opens(function)
        if what is not None:
            self._used[id(function)] = what
            self._opened(node, what)
        if isinstance(function, ast.Attribute) and function.attr == "format":
            text = function.value
            if not isinstance(text, ast.Constant) or not isinstance(text.value, str) or FIELD.search(text.value):
                raise _Doubt("a format known only at run time")
            self._used[id(function)] = "format"

    def _opens(self, function: ast.Name | ast.Attribute) -> str | None:
        """Return `open` or `Path` if a function is that one."""
        if isinstance(function, ast.Name):
            return self._sensitive.get(function.id)
        module = self._module(function.value)
        return "Path" if module == "pathlib" and function.attr in MODULES["pathlib"] else None

    def _opened(self, node: ast.Call, what: str) -> None:
        if (
            not node.args
            or any(isinstance(one, ast.Starred) for one in node.args)
            or len(node.args) > (what == "open") + 1
        ):
            raise _Doubt("a file known only at run time")
        path = node.args[0]
        modes = [*node.args[1:], *(one.value for one in node.keywords if one.arg == "mode")]
        if any(one.arg not in {"mode", "encoding", "errors", "newline"} for one in node.keywords):
            raise _Doubt(f"an option of {what}")
        if any(not isinstance(mode, ast.Constant) or mode.value not in READS for mode in modes):
            raise _Doubt("a file that is not only read")
        if not isinstance(path, ast.Constant) or not isinstance(path.value, str) or not path.value:
            raise _Doubt("a file known only at run time")
        self.paths.append(path.value)

    def _module(self, node: ast.AST) -> str | None:
        """Return the module that an expression is, `None` if it is none."""
        if isinstance(node, ast.Name):
            return self._modules.get(node.id)
        if isinstance(node, ast.Attribute):
            outer = self._module(node.value)
            full = f"{outer}.{node.attr}" if outer else None
            return full if full in MODULES else None
        return None

    def _attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            raise _Doubt("an attribute that is set")
        module = self._module(node.value)
        if module is not None or (isinstance(node.value, ast.Name) and node.value.id in self._modules):
            self._used[id(node.value)] = "module"
            full = f"{module}.{node.attr}"
            if full in MODULES:
                if id(node) not in self._used:
                    raise _Doubt(full)
            elif node.attr not in MODULES.get(module or "", ()) or (module == "pathlib" and id(node) not in self._used):
                raise _Doubt(full)
            return
        if id(node) in self._used:
            return
        if node.attr in PATH_READS and isinstance(node.value, ast.Call) and self._is_path(node.value):
            return
        if node.attr not in ATTRIBUTES or (node.attr in PATH_WORDS and self._has_paths()):
            raise _Doubt(f".{node.attr}")

    def _is_path(self, call: ast.Call) -> bool:
        return isinstance(call.func, (ast.Name, ast.Attribute)) and self._opens(call.func) == "Path"
