"""cl-eval --protocol: what is measured, under which names, and what is refused before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cl_lightning.evaluate import main, parser
from cl_lightning.evaluation import FrozenFeatures
from cl_lightning.evaluation.by_class import accuracy_by_class, class_table, confusion
from cl_lightning.runs import RunFolder
from cl_lightning.runs.evaluating import progress
from cl_lightning.runs.evaluating.asked import Asked
from cl_lightning.runs.evaluating.images import Images
from cl_lightning.runs.evaluating.one_run import evaluate
from cl_lightning.runs.evaluating.protocols import (
    KNN,
    PROTOCOLS,
    Few,
    Finetune,
    Linear,
    LinearSGD,
    Protocol,
    Retrieval,
    asked_for,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*neighbours are asked of a bank"),
    pytest.mark.filterwarnings("ignore:.*Experiment logs directory"),
]


def results(folder: Path, source: str = "query") -> dict[str, Any]:
    return json.loads((folder / f"evaluation-{source}.json").read_text())["results"]


def test_each_setting_is_a_column_of_its_own_name(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run("simclr")
    main(
        [
            *(str(folder), "--protocol", "retrieval", "few", "knn"),
            *("--k", "3", "20", "--temperature", "0.1", "0.5", "--labels", "2", "50%", "--recall", "1", "3"),
            *("--draws", "2"),
        ]
    )
    found = results(folder)
    assert list(found) == [
        *(f"knn_k{k}_T{t}" for k in (3, 20) for t in (0.1, 0.5)),
        *("linear_2", "linear_50%", "recall_1", "recall_3", "map"),
    ]
    out = capsys.readouterr().out
    assert all(result["title"] in out for result in found.values())
    one = evaluate(RunFolder(folder), asked=Asked(protocols=[KNN((20,), (0.5,))])).content["results"]
    assert one["knn_k20_T0.5"]["accuracy"] == found["knn_k20_T0.5"]["accuracy"]


def test_the_run_s_own_knn_keeps_its_name(run: Callable[[str], Path]) -> None:
    asked = Asked(protocols=[KNN((100,), (0.1,))])  # of the runs in conftest
    folder = RunFolder(run("simclr"))
    own = evaluate(folder, asked=Asked(protocols=[KNN()])).content["results"]
    assert evaluate(folder, asked=asked).content["results"] == own
    assert list(own) == ["knn"]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("--k", "0"), "--k"),
        (("--k", "3", "3"), "--k"),
        (("--temperature", "nan"), "--temperature"),
        (("--temperature", "-0.1"), "--temperature"),
        (("--labels", "1%", "1.0%"), "--labels"),
        (("--labels", "0%"), "--labels"),
        (("--labels", "some"), "--labels"),
        (("--protocol", "retrieval", "--recall", "0"), "--recall"),
        (("--protocol", "linear", "--k", "3"), "--k"),
        (("--protocol", "knn", "--labels", "3"), "--labels"),
        (("--protocol", "knn", "--draws", "3"), "--draws"),
        (("--recall", "3"), "--recall"),
        (("--devices", "0"), "--devices"),
        (("--accelerator", "abacus"), "--accelerator"),
        (("--root", "here", "--data", "data=digits"), "--root"),
        (("--data", "nowhere"), "--data"),
    ],
)
def test_words_that_can_t_be_followed_are_refused_before_anything_is_measured(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], key: str
) -> None:
    monkeypatch.setattr(FrozenFeatures, "extract", lambda *_: pytest.fail("measured"))
    with pytest.raises(SystemExit) as end:
        main([str(run("simclr")), *words])
    assert str(end.value.code).startswith(f"cl-eval: {key} is ")
    assert "accepted: " in str(end.value.code)


def test_what_a_refusal_of_words_advises_is_accepted() -> None:
    words = ["RUN", "--protocol", "linear", "--k", "3"]
    with pytest.raises(ValueError, match="accepted: --protocol linear knn, or no --k"):
        asked_for(parser().parse_args(words))
    options = parser().parse_args(["RUN", "--protocol", "linear", "knn", "--k", "3"])
    assert [protocol.name for protocol in asked_for(options)] == ["knn", "linear"]


def test_help_names_every_protocol_and_needs_no_torch(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    out = capsys.readouterr().out
    assert all(name in out for name in PROTOCOLS)


@pytest.mark.slow
def test_the_same_images_are_labelled_for_every_encoder(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[list[int]]] = []
    draw = "cl_lightning.evaluation.linear.draw_labels"
    from cl_lightning.evaluation.draws import draw_labels

    def seen(*arguments: Any) -> list[np.ndarray]:
        rows = draw_labels(*arguments)
        drawn.append([part.tolist() for part in rows])
        return rows

    monkeypatch.setattr(draw, seen)
    main([str(run("moco")), str(run("simclr")), "--protocol", "few", "--labels", "2", "--draws", "2"])
    assert drawn[0] == drawn[1]


FROZEN = [protocol() for protocol in (KNN, Few, Linear, Retrieval)]
TRAINED = [LinearSGD(seeds=1, epochs=1), Finetune(seeds=1, epochs=1)]


def test_every_protocol_is_among_those_that_change_nothing() -> None:
    assert {type(protocol) for protocol in FROZEN + TRAINED} == set(PROTOCOLS.values())


@pytest.mark.parametrize("protocols", [FROZEN, pytest.param(TRAINED, marks=pytest.mark.slow)])
def test_no_protocol_changes_a_bit_of_the_network(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, protocols: list[Protocol]
) -> None:
    networks: list[Any] = []
    extract = FrozenFeatures.extract

    def seen(self: FrozenFeatures, *arguments: Any) -> Any:
        networks.append((self.network, {n: v.clone() for n, v in self.network.state_dict().items()}))
        return extract(self, *arguments)

    monkeypatch.setattr(FrozenFeatures, "extract", seen)
    evaluate(RunFolder(run("moco")), "key", Asked(encoder="key", protocols=protocols))
    ((network, before),) = networks
    after = network.state_dict()
    assert before
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_the_accuracy_of_each_class_is_counted_over_all_draws() -> None:
    truth = torch.tensor([5, 5, 5, 7, 7, 9])
    predicted = torch.tensor([[5, 5, 7, 7, 7, 2], [5, 7, 7, 7, 9, 9]])
    classes = torch.tensor([2, 5, 7, 9])
    counts = confusion(truth, predicted, classes)
    assert counts.tolist() == [[0, 0, 0, 0], [0, 3, 3, 0], [0, 0, 3, 1], [1, 0, 0, 1]]
    assert accuracy_by_class(counts, ["b", "e", "g", "i"]) == {"e": 0.5, "g": 0.75, "i": 0.5}


def test_classes_have_their_names(run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    names, read = [(), ("ant", "bee", "cat", "dog", "elk")], Images.config_and_data
    left = list(names)

    def naming(self: Images, *arguments: Any) -> Any:
        config, data = read(self, *arguments)
        data.bank.classes = left.pop(0)
        return config, data

    monkeypatch.setattr(Images, "config_and_data", naming)
    folder, asked = RunFolder(run("simclr")), Asked(protocols=[Linear()])
    numbered, named = (
        evaluate(folder, asked=asked).content["results"]["linear_all"]["by_class"] for _ in names
    )
    assert (list(numbered), list(named)) == ([*"0123"], ["ant", "bee", "cat", "dog"])
    assert list(numbered.values()) == list(named.values())


def test_classes_are_printed_for_one_row_and_of_many_the_weakest(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run("simclr")
    main([str(folder), "--protocol", "linear"])
    alone = capsys.readouterr().out
    by_class = results(folder)["linear_all"]["by_class"]
    assert list(by_class) == ["0", "1", "2", "3"]
    assert sum(by_class.values()) / 4 == pytest.approx(results(folder)["linear_all"]["accuracy"])
    assert all(f"\n{name}      {value:.3f}\n" in alone for name, value in by_class.items())
    main([str(folder), str(run("moco")), "--protocol", "linear"])
    assert "class  " not in capsys.readouterr().out

    many = {f"c{n}": n / 100 for n in reversed(range(100))}
    lines = class_table({"knn": {"title": "kNN", "accuracy": 0.5, "by_class": many}}).splitlines()
    assert [line.split() for line in lines[2:7]] == [[f"c{n}", f"{n / 100:.3f}"] for n in range(5)]
    assert class_table({"map": {"title": "mAP", "value": 0.5}}) == ""


def test_few_without_numbers_gives_no_column(run: Callable[[str], Path]) -> None:
    asked = Asked(protocols=[Few(()), KNN()])
    assert list(evaluate(RunFolder(run("simclr")), asked=asked).content["results"]) == ["knn"]


@pytest.mark.slow
def test_progress_is_told_only_if_it_takes_long(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(run("simclr")), "--protocol", "knn"]
    main(words)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LOG", 0.0)
    main(words)
    assert "features  17%, 16 of 96 images" in capsys.readouterr().err
