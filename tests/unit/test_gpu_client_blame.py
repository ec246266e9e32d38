"""The file that remembers which call ended the GPU process."""

from pathlib import Path

from yivideo_ray.runtime.blame import BlameBook


def die(path: Path, key: str, *, fresh: bool = False) -> None:
    BlameBook(path, fresh=fresh).start(key)


def test_an_input_is_set_aside_after_three_deaths_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "gpu" / "a.json"
    die(path, "poison", fresh=True)
    for _ in range(2):
        assert not BlameBook(path, fresh=False).is_set_aside("poison")
        die(path, "poison")
    book = BlameBook(path, fresh=False)
    assert not book.is_set_aside("innocent")
    assert book.is_set_aside("poison")


def test_a_set_aside_input_that_is_submitted_again_gets_its_tries_back(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for death in range(3):
        die(path, "poison", fresh=death == 0)
    assert BlameBook(path, fresh=False).is_set_aside("poison")
    assert not BlameBook(path, fresh=False).is_set_aside("poison")


def test_a_call_that_ends_well_clears_its_name_and_the_file_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    die(path, "slow", fresh=True)
    book = BlameBook(path, fresh=False)
    book.start("slow")
    book.finish("slow")
    assert not path.exists()


def test_a_new_actor_believes_no_old_file_and_a_damaged_one_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for death in range(3):
        die(path, "poison", fresh=death == 0)
    assert not BlameBook(path, fresh=True).is_set_aside("poison")
    path.write_text("{")
    assert not BlameBook(path, fresh=False).is_set_aside("poison")


def test_a_directory_that_cannot_be_written_only_costs_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    book = BlameBook(tmp_path / "file" / "a.json", fresh=True)
    book.start("call")
    book.finish("call")
    assert not book.is_set_aside("call")
