"""Llama's prefill and decode in one module: attention over the pages of a cache, which is returned updated."""

import numpy as np
from generator import layers
from generator.builder import Function, Value, module_text
from generator.layers import ADD
from generator.weights import Weights

from tests.integration.stand_ins.stand_in import Argument, Signature, StandIn, random

_BATCH, _TOKENS, _VOCABULARY, _WIDTH, _HEADS = 4, 64, 96, 32, 2
_BLOCKS, _PAGES = 2, 9
_DEPTH, _ROWS = _WIDTH // _HEADS, _TOKENS // _BLOCKS
# A page has the keys of its tokens, then their values.
_CACHE: Argument = ((_PAGES, 2 * _ROWS * _WIDTH), "f16")
_IDS: Argument = ((_BATCH, _BLOCKS), "i64")
_LENGTHS: Argument = ((_BATCH,), "i64")
_PREFILL: list[Argument] = [((_BATCH, _TOKENS), "i64"), _LENGTHS, _IDS, _CACHE]
_DECODE: list[Argument] = [((_BATCH, 1), "i64"), _LENGTHS, _LENGTHS, _IDS, _CACHE]


def prefill(signature: Signature) -> StandIn:
    """Return the module with what `prefill_bs4` is given; no outputs are expected of it."""
    assert (signature.function, len(signature.inputs), signature.outputs) == ("prefill_bs4", len(_PREFILL), ())
    tokens = np.random.Generator(np.random.PCG64(91)).integers(0, _VOCABULARY, _PREFILL[0][0], dtype=np.int64)
    made = _weights()
    return StandIn(
        mlir=_mlir(made),
        weights=made.arrays,
        inputs=(tokens, np.array([64, 40, 33, 7]), _block_ids(), random(_CACHE, 92)),
    )


def decode(signature: Signature) -> StandIn:
    """Return the module with what `decode_bs4` is given; no outputs are expected of it."""
    assert (signature.function, len(signature.inputs), signature.outputs) == ("decode_bs4", len(_DECODE), ())
    tokens = np.random.Generator(np.random.PCG64(93)).integers(0, _VOCABULARY, _DECODE[0][0], dtype=np.int64)
    lengths = np.array([64, 41, 34, 8])
    made = _weights()
    return StandIn(
        mlir=_mlir(made),
        weights=made.arrays,
        inputs=(tokens, lengths, lengths - 1, _block_ids(), random(_CACHE, 92)),
    )


def _block_ids() -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    return np.array([[1, 2], [3, 4], [5, 6], [7, 8]], "int64")


def _weights() -> Weights:
    weights = Weights(seed=94, dtype="float16")
    weights.table("tokens", _VOCABULARY, _WIDTH)
    weights.norm("norm", _WIDTH)
    for part in ("query", "key", "value", "out"):
        weights.linear(part, _WIDTH, _WIDTH)
    weights.linear("logits", _WIDTH, _VOCABULARY)
    weights.arrays["mask"] = np.triu(np.full((_TOKENS, _TOKENS), -10000.0, "float16"), 1)
    weights.arrays["slots"] = np.arange(_TOKENS, dtype="int64")
    weights.arrays["pages"] = np.arange(_PAGES, dtype="int64")
    return weights


def _mlir(weights: Weights) -> str:
    return module_text("module", [_prefill_text(weights), _decode_text(weights)], weights.arrays)


def _prefill_text(weights: Weights) -> str:
    f = Function("prefill_bs4", _PREFILL, weights.arrays)
    tokens, lengths, ids, cache = f.arguments
    x = layers.embedding(f, tokens, f.weight("tokens"))
    query, key, value = _projections(f, x)
    mixed = layers.attention(f, (query, key, value), heads=_HEADS, mask=f.weight("mask"))
    logits = _logits(f, x, mixed)
    kept = "%k = arith.cmpi slt, %c, %b : i64; %z = arith.constant 0.0; %y = arith.select %k, %a, %z : f32"
    logits = f.map("btv,b,t->btv", kept, logits, lengths, f.weight("slots"))
    return f.text(logits, _stored(f, cache, ids, key, value))


def _decode_text(weights: Weights) -> str:
    f = Function("decode_bs4", _DECODE, weights.arrays)
    tokens, lengths, positions, ids, cache = f.arguments
    x = layers.embedding(f, tokens, f.weight("tokens"))
    query, *new = _projections(f, x)
    body = "%h = arith.cmpi eq, %d, %c : i64; %y = arith.select %h, %b, %a : f16"
    key, value = (
        f.map(
            "btd,bd,b,t->btd",
            body,
            _loaded(f, cache, ids, part),
            f.reshape(each, (_BATCH, _WIDTH)),
            positions,
            f.weight("slots"),
            compute="f16",
        )
        for part, each in enumerate(new)
    )
    mixed = _attention(f, query, key, value, lengths)
    return f.text(_logits(f, x, mixed), _stored(f, cache, ids, key, value))


def _projections(f: Function, x: Value) -> tuple[Value, Value, Value]:
    y = layers.layer_norm(f, x, "norm")
    query, key, value = (layers.linear(f, y, part) for part in ("query", "key", "value"))
    return query, key, value


def _logits(f: Function, x: Value, mixed: Value) -> Value:
    x = f.map("btd,btd->btd", ADD, x, layers.linear(f, mixed, "out"))
    return f.map("btv->btv", "", layers.linear(f, x, "logits"), dtype="f32")


def _attention(f: Function, query: Value, key: Value, value: Value, lengths: Value) -> Value:
    """Attend from one token of each sequence to those that it has."""
    heads = f.reshape(f.reshape(query, (_BATCH, _WIDTH)), (_BATCH, _HEADS, _DEPTH))
    keys, values = (f.reshape(each, (_BATCH, _TOKENS, _HEADS, _DEPTH)) for each in (key, value))
    body = (
        f"%s = arith.constant {_DEPTH**-0.5}; %x = arith.mulf %a, %s; %m = arith.constant -10000.0;"
        "%v = arith.cmpi slt, %c, %b : i64; %y = arith.select %v, %x, %m : f32"
    )
    scores = f.map("bqk,b,k->bqk", body, f.contract("bhd,bthd->bht", heads, keys), lengths, f.weight("slots"))
    mixed = f.contract("bht,bthd->bhd", layers.softmax(f, scores, dtype="f16"), values)
    return f.reshape(f.reshape(f.map("bhd->bhd", "", mixed, dtype="f16"), (_BATCH, _WIDTH)), (_BATCH, 1, _WIDTH))


def _loaded(f: Function, cache: Value, ids: Value, part: int) -> Value:
    """Return the keys (part 0) or the values (1) of the pages of each sequence, `b t d`."""
    body = (
        "%i = arith.index_cast %a : i64 to index; %r = linalg.index 2 : index; %d = linalg.index 3 : index;"
        f"%w = arith.constant {_WIDTH} : index; %s = arith.muli %r, %w : index; %t = arith.addi %s, %d : index;"
        f"%o = arith.constant {part * _ROWS * _WIDTH} : index; %j = arith.addi %t, %o : index;"
        f"%y = tensor.extract {cache.name}[%i, %j] : {cache.type}"
    )
    rows = f.map("bk->bkrd", body, ids, dtype="f16", compute="f16", sizes={"r": _ROWS, "d": _WIDTH})
    return f.reshape(rows, (_BATCH, _TOKENS, _WIDTH))


def _stored(f: Function, cache: Value, ids: Value, key: Value, value: Value) -> Value:
    """Return the cache with the pages of all sequences replaced."""
    count = _BATCH * _BLOCKS
    split = (f.reshape(each, (_BATCH, _BLOCKS, _ROWS, _WIDTH)) for each in (key, value))
    pages = f.concat(1, *(f.reshape(each, (count, _ROWS * _WIDTH)) for each in split))
    names = f.reshape(ids, (count,))
    index = (
        "%n = linalg.index 1 : index; %i = arith.index_cast %n : index to i64; %m = arith.constant -1 : i64;"
        "%e = arith.cmpi eq, %a, %b : i64; %y = arith.select %e, %i, %m : i64"
    )
    each = f.map("p,n->pn", index, f.weight("pages"), names, dtype="i64", compute="i64")
    put = (
        "%z = arith.constant 0 : i64; %n = arith.cmpi sge, %b, %z : i64; %m = arith.maxsi %b, %z : i64;"
        "%i = arith.index_cast %m : i64 to index; %j = linalg.index 1 : index;"
        f"%x = tensor.extract {pages.name}[%i, %j] : {pages.type}; %y = arith.select %n, %x, %a : f16"
    )
    return f.map("pd,p->pd", put, cache, f.reduce("pn->p", "arith.maxsi", each, dtype="i64"), compute="f16")
