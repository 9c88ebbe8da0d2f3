"""What layers of a recipe come to, whatever they set."""

from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from textgan_bench.recipes import Setting, merged

Flat = dict[tuple[str, ...], Any]

NAMES = st.sampled_from("abc")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
LAYERS = st.lists(
    st.recursive(
        st.dictionaries(NAMES, st.integers(), min_size=1),
        lambda sections: st.dictionaries(NAMES, sections | st.integers(), min_size=1),
        max_leaves=6,
    ),
    max_size=4,
)


def flat(section: dict[str, Any], *names: str) -> Flat:
    """Each setting by the names of the sections it is in and its own."""
    found: Flat = {}
    for name, value in section.items():
        if isinstance(value, dict):
            found |= flat(value, *names, name)
        else:
            found[(*names, name)] = value
    return found


@given(LAYERS)
def test_each_setting_is_that_of_the_last_layer_that_has_it(layers: list[dict[str, Any]]) -> None:
    expected: Flat = {}
    for number, layer in enumerate(layers):
        for path, value in flat(layer).items():
            # A section takes the place of a value, and a value that of a section.
            expected = {
                other: setting
                for other, setting in expected.items()
                if other[: len(path)] != path and path[: len(other)] != other
            }
            expected[path] = Setting(value, str(number))

    found = merged((str(number), layer) for number, layer in enumerate(layers))

    assert flat(found) == expected


@given(LAYERS)
def test_layers_are_left_as_they_were(layers: list[dict[str, Any]]) -> None:
    before = yaml.safe_dump(layers)

    merged((str(number), layer) for number, layer in enumerate(layers))

    assert yaml.safe_dump(layers) == before


@given(VALUES)
@example("a long label " * 20)
def test_the_text_of_a_setting_is_yaml_of_one_line(value: Any) -> None:
    text = Setting(value, "").text

    assert "\n" not in text
    assert yaml.safe_load(text) == value
