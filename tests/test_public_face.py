"""What the package shows, and how its modules depend on each other."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import wsproto_core

PACKAGE = Path(wsproto_core.__file__).parent
MODULES = ["wsproto_core"] + [
    f"wsproto_core.{m.name}" for m in pkgutil.iter_modules([str(PACKAGE)])
]

# From the words up; a module may import what stands before it.
LAYERS = [
    "typing",
    "compiling",
    "words",
    "errors",
    "extension_api",
    "message_fields",
    "events",
    "limits",
    "states",
    "optional",
    "compiled_masking",
    "masking",
    "utf8",
    "header_fields",
    "http_head",
    "frame_protocol",
    "common_frames",
    "prepared",
    "deflate",
    "extensions",
    "messages",
    "connection_base",
    "connection",
    "back_ends",
    "utilities",
    "hosts",
    "negotiation",
    "upgrade",
    "extended_connect",
    "handshake",
    "ws_connection",
    "session_config",
    "session_events",
    "timing",
    "session_output",
    "session_policy",
    "session",
    "group",
    "inspection",
    "recording_format",
    "recording",
    "__init__",
    "reports",
    "__main__",
]

# What consumers of wsproto touch, by module.
WSPROTO = {
    "": "WSConnection Connection ConnectionType ConnectionState connection events extensions "
    "frame_protocol handshake utilities typing __version__",
    "connection": "Connection ConnectionType ConnectionState CLIENT SERVER",
    "events": "Event Request AcceptConnection RejectConnection RejectData CloseConnection "
    "Message TextMessage BytesMessage Ping Pong",
    "extensions": "Extension PerMessageDeflate SUPPORTED_EXTENSIONS",
    "frame_protocol": "CloseReason Opcode RsvBits",
    "handshake": "H11Handshake server_extensions_handshake client_extensions_handshake "
    "WEBSOCKET_VERSION",
    "typing": "Headers",
    "utilities": "ProtocolError LocalProtocolError RemoteProtocolError generate_accept_token "
    "generate_nonce split_comma_header normed_header_dict",
}


def load(name: str) -> ModuleType:
    if name == "wsproto_core.compiled_masking":  # what it needs comes with the compiled build
        pytest.importorskip("librt.strings")
    return importlib.import_module(name)


@pytest.mark.parametrize("module", WSPROTO)
def test_wsproto_names(module: str) -> None:
    loaded = load(f"wsproto_core.{module}" if module else "wsproto_core")
    for name in WSPROTO[module].split():
        assert hasattr(loaded, name), name
        assert name in loaded.__all__


@pytest.mark.parametrize("name", MODULES)
def test_all_is_all_there_is(name: str) -> None:
    """``__all__`` is sorted out, exists, and has whatever is defined here and public."""
    module = load(name)
    assert len(set(module.__all__)) == len(module.__all__)
    for exported in module.__all__:
        assert hasattr(module, exported), exported
    own = {
        n
        for n, value in vars(module).items()
        if not n.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == name
    }
    assert own <= set(module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_is_documented(name: str) -> None:
    module = load(name)
    if not str(module.__file__).endswith(".py"):
        pytest.skip("mypyc keeps no docstrings")
    assert module.__doc__
    for exported in module.__all__:
        value = getattr(module, exported)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        assert inspect.getdoc(value), exported
        if inspect.isclass(value) and value.__module__.startswith("wsproto_core"):
            for attribute, member in vars(value).items():
                if not attribute.startswith("_") and callable(member):
                    assert inspect.getdoc(getattr(value, attribute)), f"{exported}.{attribute}"


def imports_of(path: Path) -> tuple[set[str], set[str]]:
    """The package's own modules that a module imports, for typing too, and others."""
    own, others = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level == 0:
                others.add((node.module or "").split(".")[0])
            elif node.module:
                own.add(node.module)
            else:
                own.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            others.update(alias.name.split(".")[0] for alias in node.names)
    return own, others


def test_imports_point_one_way() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(LAYERS)
    for path in PACKAGE.glob("*.py"):
        own, _ = imports_of(path)
        allowed = set(LAYERS[: LAYERS.index(path.stem)])
        assert own <= allowed, f"{path.stem} imports {own - allowed}"


def test_no_input_no_output_no_clock() -> None:
    library = [path for path in PACKAGE.glob("*.py") if path.stem != "__main__"]
    outside = set().union(*(imports_of(path)[1] for path in library))
    standard = {
        "__future__", "abc", "base64", "codecs", "collections", "contextlib", "copy",
        "dataclasses", "enum", "functools", "hashlib", "importlib", "ipaddress", "json", "math",
        "os", "re", "struct", "types", "typing",
        "urllib", "zlib",
    }  # fmt: skip
    # Beside h11, what is there if the package was compiled, and what only mypy reads.
    assert outside - standard == {"h11", "librt", "mypy_extensions"}
    # Of os nothing but its source of entropy.
    for path in PACKAGE.glob("*.py"):
        for line in path.read_text().splitlines():
            if re.match(r"\s*(import|from) os\b", line):
                assert line.strip() == "from os import urandom"


def test_importing_it_imports_little() -> None:
    code = "import sys, wsproto_core; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"asyncio", "socket", "ssl", "threading", "hypothesis", "numpy", "logging"} & set(
        loaded
    )


def test_version_and_types() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", wsproto_core.__version__)
    assert (PACKAGE / "py.typed").exists()


def test_modules_are_of_readable_size() -> None:
    for path in PACKAGE.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 600, path.name
