"""Names in several Unicode forms."""

import unicodedata

from cl_lightning.data.photos.accents import under_names_of
from cl_lightning.data.record.inventory import Files

ONE, OTHER = (unicodedata.normalize(form, "été/1.png") for form in ("NFC", "NFD"))


def files(*paths: str, size: int = 1) -> Files:
    return Files("/photos", paths, [size + n for n in range(len(paths))], None, [], {paths[0]: "a"})


def test_a_name_in_another_form_is_that_which_was_known() -> None:
    assert under_names_of([ONE, "2.png"], ["2.png", OTHER, "3.png"]) == ["2.png", ONE, "3.png"]


def test_two_names_that_differ_in_their_form_only_stay_two() -> None:
    assert under_names_of([ONE, OTHER], [OTHER, ONE]) == [OTHER, ONE]
    assert under_names_of([ONE], [OTHER, ONE]) == [OTHER, ONE]
    assert under_names_of([ONE, OTHER], [OTHER]) == [OTHER]
    assert "1 new" in files(ONE).changes(files(ONE, OTHER))
    assert "1 gone" in files(ONE, OTHER).changes(files(OTHER, size=2))


def test_the_same_file_under_another_form_is_compared_by_size_and_content() -> None:
    assert files(ONE).changes(files(OTHER)) == ""
    assert "of another size" in files(ONE).changes(files(OTHER, size=2))
    other = Files("/photos", [OTHER], [1], None, [], {OTHER: "b"})
    assert "other content" in files(ONE).changes(other)
    assert files(ONE).changes(other, may_differ=[OTHER]) == ""
