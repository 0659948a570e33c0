"""Sets up the peers, measures every mode of the engine, and writes the figures.

    python benchmarks/all.py [--quick] [--instructions] [--write]

Makes a virtual environment for each mode in ``benchmarks/.venv``, with this package as it
stands, and the peers' current versions; runs ``run.py`` in each, and ``session.py`` in the
first. Then ``benchmarks/results`` holds a JSON file for each mode, ``figures.md``, and plots.
``--write`` puts the figures into ``benchmarks/README.md`` too.

What was measured before, of modes that are not run now, is kept and shown beside it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent

#: What pip installs besides the package. wsaccel is what lomond, websocket-client and ws4py
#: use if it is there.
PEERS = [
    *("wsproto", "websockets", "aiohttp", "picows", "autobahn"),
    *("ws4py", "lomond", "websocket-client", "wsaccel"),
]
EXTRAS = ["numpy", "zlib-ng"]
#: What each mode adds.
MODES: dict[str, list[str]] = {"default": [], "extras": EXTRAS, "compiled": EXTRAS}


def set_up(mode: str, folder: Path) -> Path:
    """An environment for the mode; gives its Python."""
    print(f"\n== {mode}: setting up {folder}", flush=True)
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-q", "--upgrade"]
    subprocess.run([*pip, *PEERS, *MODES[mode]], check=True)  # noqa: S603  # the lists above
    environ = dict(os.environ)
    if mode == "compiled":
        environ["WSPROTO_CORE_COMPILE"] = "1"
    # Again even if the version is the same: the sources may have changed.
    again = ["--force-reinstall", "--no-cache-dir", str(ROOT)]
    subprocess.run([*pip, *again], check=True, env=environ)  # noqa: S603
    return python


def active(python: Path) -> str:
    """The mode that the engine says it runs in there."""
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); from suite import results; "
    command = [str(python), "-c", code + "print(results.mode())"]
    # Not where the sources are: what is installed counts.
    done = subprocess.run(  # noqa: S603
        command, check=True, capture_output=True, text=True, cwd=HERE
    )
    return done.stdout.strip()


def run(command: list[str]) -> str:
    """Run it, show what it says as it says it, and give it back."""
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            said.append(line)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
    return "".join(said)


def measure(mode: str, python: Path, results: Path, quick: bool, instructions: bool) -> None:
    command = [str(python), str(HERE / "run.py"), "--json", str(results / f"{mode}.json")]
    if quick:
        command.append("--quick")
    if instructions and mode == "default":
        command.append("--instructions")
    run(command)


def measure_sessions(python: Path, quick: bool) -> str:
    command = [str(python), str(HERE / "session.py"), "--rounds", "5" if quick else "15"]
    return run([*command, "--sessions", "20000"] if quick else command)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    parser.add_argument(
        "--instructions", action="store_true", help="count them too, in some minutes (callgrind)"
    )
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md too")
    parser.add_argument("--modes", default=",".join(MODES), help="with commas between")
    parser.add_argument("--environments", type=Path, default=HERE / ".venv")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument(
        "--render-only", action="store_true", help="from the JSON files that are there"
    )
    options = parser.parse_args()
    from suite import markdown, plots, results

    options.results.mkdir(parents=True, exist_ok=True)
    for mode in () if options.render_only else options.modes.split(","):
        python = set_up(mode, options.environments / mode)
        if (found := active(python)) != mode:
            print(f"Without {mode}: what was built there runs as {found}", file=sys.stderr)
            continue
        measure(mode, python, options.results, options.quick, options.instructions)
        if mode == "default":
            session = measure_sessions(python, options.quick)
            kept = results.load(options.results / f"{mode}.json")
            kept["session"] = session
            results.save(kept, options.results / f"{mode}.json")
    by_mode = results.load_all(options.results)
    if not by_mode:
        raise SystemExit(f"nothing has been measured: {options.results} is empty")
    (options.results / "figures.md").write_text(markdown.report(by_mode))
    for name, svg in plots.plots(by_mode).items():
        (options.results / name).write_text(svg)
    if options.write:
        readme = HERE / "README.md"
        readme.write_text(markdown.fill(readme.read_text(), markdown.sections(by_mode)))
    print(f"\n{markdown.goals(by_mode)}\nWritten to {options.results}")


if __name__ == "__main__":
    main()
