"""Layers as MLIR: every function appends to a `Function` and finds its weights by name, as `name.weight`."""

from math import prod

from generator.builder import Function, Value

ADD = "%y = arith.addf %a, %b"
SILU = "%n = arith.negf %a; %e = math.exp %n; %c1 = arith.constant 1.0; %d = arith.addf %e, %c1; %y = arith.divf %a, %d"
QUICK_GELU = (
    "%k = arith.constant -1.702; %n = arith.mulf %a, %k; %e = math.exp %n; %c1 = arith.constant 1.0;"
    "%d = arith.addf %e, %c1; %y = arith.divf %a, %d"
)
GELU = (
    "%s = arith.mulf %a, %a; %q = arith.mulf %s, %a; %k = arith.constant 0.044715; %c = arith.mulf %q, %k;"
    "%i = arith.addf %a, %c; %r = arith.constant 0.7978845608; %j = arith.mulf %i, %r; %t = math.tanh %j;"
    "%c1 = arith.constant 1.0; %o = arith.addf %t, %c1; %h = arith.constant 0.5; %g = arith.mulf %a, %h;"
    "%y = arith.mulf %g, %o"
)
_EPSILON = "1.0e-05"
_AFFINE = "%g = arith.mulf %a, %b; %y = arith.addf %g, %c"


def linear(f: Function, x: Value, name: str) -> Value:
    """Affine map of the last axis: weight `in x out`, bias `out`."""
    weight, bias = f.weight(f"{name}.weight"), f.weight(f"{name}.bias")
    rows = f.reshape(x, (prod(x.shape[:-1]), x.shape[-1]))
    y = f.map("rd,d->rd", ADD, f.matmul(rows, weight), bias, dtype=x.dtype)
    return f.reshape(y, (*x.shape[:-1], weight.shape[1]))


def normalized(f: Function, x: Value, axes: str, kept: str) -> Value:
    """Give `x` mean 0 and variance 1 over the axes that are not kept; the result is f32."""
    count = prod(n for axis, n in zip(axes, x.shape, strict=True) if axis not in kept)
    total = f.reduce(f"{axes}->{kept}", "arith.addf", x)
    minus_mean = f"%n = arith.constant {count}.0; %m = arith.divf %b, %n; %y = arith.subf %a, %m"
    difference = f.map(f"{axes},{kept}->{axes}", minus_mean, x, total, dtype="f32")
    squares = f.map(f"{axes}->{axes}", "%y = arith.mulf %a, %a", difference)
    return over_root_mean(f, difference, f.reduce(f"{axes}->{kept}", "arith.addf", squares), f"{axes},{kept}->{axes}")


def over_root_mean(f: Function, x: Value, total: Value, axes: str) -> Value:
    """Divide `x` by the root of the mean square, given the sum of squares; the result is f32."""
    body = (
        f"%n = arith.constant {prod(x.shape) // prod(total.shape)}.0; %m = arith.divf %b, %n;"
        f"%eps = arith.constant {_EPSILON}; %v = arith.addf %m, %eps; %r = math.rsqrt %v; %y = arith.mulf %a, %r"
    )
    return f.map(axes, body, x, total, dtype="f32")


def layer_norm(f: Function, x: Value, name: str) -> Value:
    """Normalise the last axis of `b t d`, in f32, with weight and bias."""
    y = normalized(f, x, "btd", "bt")
    return f.map("btd,d,d->btd", _AFFINE, y, f.weight(f"{name}.weight"), f.weight(f"{name}.bias"), dtype=x.dtype)


def group_norm(f: Function, x: Value, name: str, *, groups: int) -> Value:
    """Normalise groups of channels of `n c h w`, with a weight and a bias per channel."""
    n, channels, height, width = x.shape
    grouped = f.reshape(x, (n, groups, channels // groups, height, width))
    y = f.reshape(normalized(f, grouped, "ngchw", "ng"), x.shape)
    return f.map("nchw,c,c->nchw", _AFFINE, y, f.weight(f"{name}.weight"), f.weight(f"{name}.bias"))


def conv(f: Function, x: Value, name: str, *, stride: int = 1) -> Value:
    """Convolve with `same` padding for odd kernels, and add a bias per channel."""
    weight = f.weight(f"{name}.weight")
    pad = weight.shape[-1] // 2
    image = f.pad_image(x, pad) if pad else x
    return f.map("nchw,c->nchw", ADD, f.conv(image, weight, stride=stride), f.weight(f"{name}.bias"))


def upsample(f: Function, x: Value) -> Value:
    """Nearest neighbour, twice the height and width."""
    n, c, h, w = x.shape
    repeated = f.map("nchw->nchiwj", "", x, sizes={"i": 2, "j": 2})
    return f.reshape(repeated, (n, c, 2 * h, 2 * w))


def softmax(f: Function, x: Value, *, dtype: str) -> Value:
    """Softmax of the last axis of `b q k`, computed in f32."""
    peak = f.reduce("bqk->bq", "arith.maximumf", x)
    exps = f.map("bqk,bq->bqk", "%d = arith.subf %a, %b; %y = math.exp %d", x, peak, dtype="f32")
    total = f.reduce("bqk->bq", "arith.addf", exps)
    return f.map("bqk,bq->bqk", "%y = arith.divf %a, %b", exps, total, dtype=dtype)


def split_heads(f: Function, x: Value, heads: int, axes: str) -> Value:
    """From `b t (h d)` to `(b h) t d`, or to `(b h) d t` when the axes say `bthd->bhdt`."""
    b, t, width = x.shape
    y = f.map(axes, "", f.reshape(x, (b, t, heads, width // heads)))
    return f.reshape(y, (b * heads, *y.shape[2:]))


def attention(f: Function, qkv: tuple[Value, Value, Value], *, heads: int, mask: Value | None = None) -> Value:
    """Multi-head attention of `b t d` tensors; scores and softmax are f32, and a mask `q k` is added to the scores."""
    query = qkv[0]
    batch, tokens, width = query.shape
    # The keys are transposed here, since named matmuls with a transposed operand are not in every release.
    orders = ("bthd->bhtd", "bthd->bhdt", "bthd->bhtd")
    q, k, v = (split_heads(f, x, heads, order) for x, order in zip(qkv, orders, strict=True))
    scale = f"%s = arith.constant {(width // heads) ** -0.5:e}; %x = arith.mulf %a, %s"
    scores = f.batch_matmul(q, k)
    if mask is None:
        scores = f.map("bqk->bqk", scale, scores)
    else:
        scores = f.map("bqk,qk->bqk", f"{scale}; %y = arith.addf %x, %b", scores, mask)
    mixed = f.batch_matmul(softmax(f, scores, dtype=query.dtype), v)
    heads_first = f.reshape(mixed, (batch, heads, tokens, width // heads))
    return f.reshape(f.map("bhtd->bthd", "", heads_first, dtype=query.dtype), query.shape)


def embedding(f: Function, ids: Value, table: Value) -> Value:
    """Rows of a table for i64 ids `b t`."""
    body = (
        "%i = arith.index_cast %a : i64 to index; %j = linalg.index 2 : index;"
        f"%y = tensor.extract {table.name}[%i, %j] : {table.type}"
    )
    return f.map("bt->btd", body, ids, dtype=table.dtype, compute=table.dtype, sizes={"d": table.shape[1]})
