"""Exports a JAX function to StableHLO, and runs it on the CPU."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.importers.workers import exchange, user_code
from harness.importers.workers.exchange import Answer, ModelError, Request, RequestError

# Releases before 3.12.0 know no composite operations, by which JAX exports functions such as erf; each is a call then.
_PASSES = "builtin.module(func.func(stablehlo-legalize-composite-to-call))"
_PROGRAM_BYTES = 1 << 30
_ELEMENTS = {"bf16": "bfloat16", "f16": "float16", "f64": "float64"}


def _import(request: Request) -> Answer:
    """Call the user's function, run what it made, and write the program."""
    path = Path(request["model"])
    function, args, named = _made(user_code.made(request), request["entry"])
    import jax  # type: ignore[import-not-found]  # noqa: PLC0415

    leaves, tree = jax.tree_util.tree_flatten((args, named))
    names = _names((args, named))
    made = [_array(name, leaf) for name, leaf in zip(names, leaves, strict=True)]
    given = _fitting(names, made, exchange.loaded(request["inputs"], names))
    args, named = jax.tree_util.tree_unflatten(tree, given or made)
    compiled = jax.jit(function, keep_unused=True)
    text = _text(user_code.called(path, jax.export.export(compiled), *args, **named))
    outputs = user_code.called(path, compiled, *args, **named)
    Path(exchange.PROGRAM).write_text(text, encoding="utf-8")
    return {
        "sources": user_code.sources(path),
        "program": exchange.PROGRAM,
        "weights": None,
        "functions": [exchange.function(Path(exchange.PROGRAM))],
        "calls": [
            {
                "inputs": [] if given else exchange.saved("input", names, _numpy(made)),
                "outputs": exchange.saved("output", _names(outputs), _numpy(jax.tree_util.tree_leaves(outputs))),
            }
        ],
        "elements": [name for element, name in _ELEMENTS.items() if re.search(rf"x{element}>|<{element}>", text)],
        "versions": exchange.versions("jax", "jaxlib", "numpy"),
    }


def _made(made: Any, entry: str) -> tuple[Any, Sequence[Any], Mapping[str, Any]]:
    """Return what the user's function made: a function, its arguments and its named arguments."""
    match made:
        case (function, tuple() | list() as args) if callable(function):
            return function, tuple(args), {}
        case (function, tuple() | list() as args, dict() as named) if callable(function):
            return function, tuple(args), named
    found = f"({', '.join(type(each).__name__ for each in made)})" if isinstance(made, tuple) else type(made).__name__
    raise ModelError(
        f"returned {found} from {entry}(); expected a function and a tuple of its arguments, such as step, (params, x)"
    )


def _names(values: Any) -> list[str]:
    """Return where each array is, such as `params['w']`, without the outermost container of arguments."""
    import jax  # noqa: PLC0415

    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(values)[0]]
    return [jax.tree_util.keystr(path) or "result" for path in paths]


def _array(name: str, leaf: Any) -> Any:
    """Return an argument as an array."""
    import jax  # noqa: PLC0415

    if jax.dtypes.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key):
        raise ModelError(f"has a random key as argument {name}; make it in the function, from a seed")
    try:
        return jax.numpy.asarray(leaf)
    except (TypeError, ValueError) as error:
        found = type(leaf).__name__
        raise ModelError(f"has a {found} as argument {name}; expected an array or a number: {error}") from error


def _fitting(names: Sequence[str], made: Sequence[Any], given: Sequence[Any]) -> Sequence[Any]:
    """Return the given inputs, each of which has the shape and type of the argument that was made."""
    for name, array, other in zip(names, made, given, strict=bool(given)):
        if (array.shape, array.dtype) != (other.shape, other.dtype):
            wanted = f"{array.dtype}{list(array.shape)}"
            raise RequestError(f"input {name} is {wanted}, and --input has {other.dtype}{list(other.shape)}")
    return given


def _numpy(arrays: Sequence[Any]) -> list[Any]:
    import numpy as np  # noqa: PLC0415

    return list(map(np.asarray, arrays))


def _text(exported: Any) -> str:
    """Return the program as text that every release reads, without the names of the user's files."""
    from jax._src.interpreters import mlir  # type: ignore[import-not-found]  # noqa: PLC0415
    from jaxlib.mlir import ir, passmanager  # type: ignore[import-not-found]  # noqa: PLC0415
    from jaxlib.mlir.dialects import stablehlo  # type: ignore[import-not-found]  # noqa: PLC0415

    with mlir.make_ir_context():
        stablehlo.register_stablehlo_passes()
        module = ir.Module.parse(exported.mlir_module())
        passmanager.PassManager.parse(_PASSES).run(module.operation)
        text: str = module.operation.get_asm(enable_debug_info=False)
    if len(text) > _PROGRAM_BYTES:
        raise ModelError(f"has constants that make a program of {len(text) >> 20} MiB; pass them as arguments")
    return text


STEPS = {"import": _import}
