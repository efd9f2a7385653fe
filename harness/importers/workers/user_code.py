"""Runs a user's own file, whose function makes a model."""

import importlib.util
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from harness.importers.workers.exchange import ModelError, Request, RequestError

_HARNESS = "harness."


def made(request: Request) -> Any:
    """Return what the function of the user's file returns, which may import the files beside it.

    The generators of Python and NumPy start from the seed.

    Raises:
        RequestError: the file has no such function.
        ModelError: the file or the function raised something.
    """
    path, name = Path(request["model"]), request["entry"]
    seed(request["seed"])
    # Behind the environment, so that a file `jax.py` there is not JAX.
    sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not spec or not spec.loader:
        raise ModelError("is not a Python file; its name has to end in .py")
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    called(path, spec.loader.exec_module, module)
    make = getattr(module, name, None)
    if not callable(make):
        functions = [each for each, value in vars(module).items() if callable(value) and each[0] != "_"]
        raise RequestError(f"it has no function {name!r}; it has {', '.join(functions) or 'none'}")
    return called(path, make)


def seed(number: int) -> None:
    """Seed the generators of Python and NumPy."""
    import numpy as np  # noqa: PLC0415

    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - it is the one that a user's code may use


def called(path: Path, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Return what a user's function returns.

    Args:
        path: the user's file.
        function: the function.
        arguments: its arguments.
        named: its named arguments.

    Raises:
        ModelError: it raised something, or ended the process.
    """
    try:
        return function(*arguments, **named)
    except (ModelError, RequestError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the user's code raises
        refuse(path, error)


def refuse(path: Path, error: BaseException) -> NoReturn:
    """Raise ModelError for what was raised, with the last line of the user's own files.

    Raises:
        ModelError: always.
    """
    frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).parent == path.parent]
    line = frames[-1].lineno if frames else getattr(error, "lineno", None)
    file = Path(frames[-1].filename).name if frames else path.name
    place = "" if not line else f" at line {line}" if file == path.name else f" at line {line} of {file}"
    raise ModelError(f"raised {type(error).__name__}{place}: {error}") from error


def sources(path: Path) -> list[str]:
    """Return the names of the user's file and of the files beside and below it that were imported.

    The harness and its cache, with the framework, may be below the same folder: these are no part of the model.
    """
    folder, own = path.parent, Path(__file__).parent
    packages = [own, *(each for each in map(Path, sys.path) if each != folder and each.is_relative_to(folder))]
    found = [getattr(each, "__file__", None) for name, each in [*sys.modules.items()] if not name.startswith(_HARNESS)]
    beside = (Path(each) for each in found if each and Path(each).is_relative_to(folder))
    names = {str(each.relative_to(folder)) for each in beside if not any(map(each.is_relative_to, packages))}
    return [path.name, *sorted(names - {path.name})]
