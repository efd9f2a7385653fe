import pytest

from harness.core.references import Reference


@pytest.mark.parametrize(
    ("text", "release", "device"),
    [
        ("cpu", None, None),
        ("3.9.0", "3.9.0", None),
        ("3.12", "3.12", None),
        ("3.14.0rc20261101", "3.14.0rc20261101", None),
        ("3.14.0.dev0+abc", "3.14.0.dev0+abc", None),
        ("local-sync", None, "local-sync"),
        ("hip://1", None, "hip://1"),
        ("cuda", None, "cuda"),
    ],
)
def test_what_a_user_can_ask_for(text: str, release: str | None, device: str | None) -> None:
    assert Reference.parse(text) == Reference(text=text, release=release, device=device)


@pytest.mark.parametrize("text", ["", "gpu", "CPU", "3", "v3.9.0", "hipp", "cpu://0", "3.9.0 ", "../3.9"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is no reference; expected cpu, a release such as 3\.9\.0, or a device: local"
    ):
        Reference.parse(text)
