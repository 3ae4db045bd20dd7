"""cl-eval --protocol linear_sgd finetune: rows, columns and files; the same network from other weights."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torchvision.models import resnet18

from cl_lightning.blueprints import ConfigError
from cl_lightning.evaluate import main
from cl_lightning.evaluation.recipe import FINE_TUNING, PROBE
from cl_lightning.runs import RunFolder
from cl_lightning.runs.assemble import assemble_data, assemble_method
from cl_lightning.runs.evaluating.asked import Asked
from cl_lightning.runs.evaluating.networks import frozen_network
from cl_lightning.runs.evaluating.one_run import evaluate
from cl_lightning.runs.evaluating.protocols import Finetune, LinearSGD
from cl_lightning.runs.evaluating.published import NotPublishedError, begin_published, weights_of
from cl_lightning.runs.evaluating.several_runs import evaluate_runs
from cl_lightning.train import train
from cl_lightning.weights.named import digest_by_name, named
from tests import small
from tests.evaluation.learning import learner

pytestmark = [
    # Choices of the tiny runs.
    pytest.mark.filterwarnings("ignore:.*neighbours are asked of a bank"),
    pytest.mark.filterwarnings("ignore:.*Experiment logs directory"),
]

SHORT: dict[str, Any] = {"seeds": 2, "epochs": 1}


def content(folder: Path, source: str) -> Any:
    return json.loads((folder / f"evaluation-{source}.json").read_text())


def test_fine_tuning_stands_beside_the_same_network_from_random_weights(
    run: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = run("simclr")
    words = ["--protocol", "linear_sgd", "finetune", "--seeds", "2", "--epochs", "1", "--labels", "2"]
    main([str(folder), *words])
    out, err = capfd.readouterr()
    names = [line.split("  ")[0] for line in out.splitlines()[2:4]]
    assert names == ["untrained encoder", f"{folder.name} (query)"]
    assert "has no row for ImageNet weights" in err
    assert f"{folder.name} (query): fine-tuned, all labels, seed 1 (2 of 2)" in err
    for source in ("untrained", "query"):
        results = content(folder, source)["results"]
        assert list(results) == ["linear_sgd", "finetune_2", "finetune_all"]
        for result in results.values():
            assert result["draws"] == 2
            assert len(result["by_class"]) > 1
        assert "1 epoch in batches of 8" in results["finetune_2"]["protocol"]
        assert "1 epoch in batches of 16" in results["finetune_all"]["protocol"]


def test_the_numbers_are_those_of_the_encoder_in_the_checkpoint(run: Callable[[str], Path]) -> None:
    folder = RunFolder(run("moco"))
    asked = Asked(protocols=[LinearSGD(**SHORT), Finetune(**SHORT)])
    results = evaluate(folder, "key", asked).content["results"]
    network, views = frozen_network(folder, folder.config(), "key")
    made = learner(network, views, assemble_data(folder.config()))
    for name, recipe, frozen in (("linear_sgd", PROBE, True), ("finetune_all", FINE_TUNING, False)):
        expected = made.accuracy(recipe.lasting(1), frozen, [None, None], "all labels", "test")
        assert (results[name]["accuracy"], results[name]["std"]) == (expected.accuracy, expected.std)


def test_each_seed_from_random_weights_begins_with_others(run: Callable[[str], Path]) -> None:
    folder = RunFolder(run("simclr"))
    found = evaluate(folder, "untrained", Asked(protocols=[Finetune(seeds=2, epochs=3)]))
    config, scores = folder.config(), []
    for seed in (0, 1):
        network, views = frozen_network(folder, config | {"seed": config["seed"] + seed}, "untrained")
        made = learner(network, views, assemble_data(config))
        tuned = made.accuracy(FINE_TUNING.lasting(3), False, [None, None], "all labels", "test")
        scores.append((tuned.predicted[seed] == made.val.labels).double().mean().item())
    result = found.content["results"]["finetune_all"]
    assert result["accuracy"] == pytest.approx(sum(scores) / 2)
    assert result["std"] == pytest.approx(abs(scores[0] - scores[1]) / 2)


def test_raw_pixels_have_a_probe_and_nothing_to_tune(run: Callable[[str], Path]) -> None:
    asked = Asked(protocols=[LinearSGD(**SHORT), Finetune(**SHORT)])
    assert list(evaluate(RunFolder(run("simclr")), "pixels", asked).content["results"]) == ["linear_sgd"]


def test_runs_of_one_network_are_compared_with_it_once(run: Callable[[str], Path]) -> None:
    asked = Asked(protocols=[Finetune(seeds=1, epochs=1)])
    first = run("simclr")
    second = Path(shutil.copytree(first, first.with_name("second")))
    names = list(evaluate_runs([str(first), str(second)], asked).rows)
    assert names == ["untrained encoder", f"{first.name} (query)", "second (query)"]


@pytest.mark.parametrize("word", ["--seeds", "--epochs"])
def test_trainings_of_no_length_are_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["runs/x", "--protocol", "finetune", word, "0"])
    assert word in str(end.value.code)


def test_words_of_trainings_need_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["runs/x", "--epochs", "3"])
    assert "--protocol knn linear few linear_sgd" in str(end.value.code)


def test_labels_that_no_class_has_are_refused(run: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigError, match="--labels"):
        evaluate(RunFolder(run("simclr")), "query", Asked(protocols=[Finetune(**SHORT, labels=("1000",))]))


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of torchvision, and no way to fill it."""

    def unreachable(url: str, *arguments: object, **named: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    named.cache_clear()
    yield tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    named.cache_clear()


def method_of(*overrides: str) -> Any:
    return assemble_method(small.config("data=synthetic", "encoder=resnet18", *overrides))


@pytest.mark.slow
def test_imagenet_weights_are_those_of_the_library_for_the_same_network(no_network: Path) -> None:
    published = resnet18()
    no_network.parent.mkdir(parents=True)
    torch.save(published.state_dict(), no_network)
    method = method_of("encoder.backbone.stem=imagenet")
    begin_published(method)
    own = method.encoder.backbone.state_dict()
    assert all(n.startswith("fc.") or torch.equal(own[n], w) for n, w in published.state_dict().items())
    weights = weights_of(method.encoder.backbone)
    assert weights == {
        "kind": "imagenet",
        "source": "torchvision:resnet18",
        "digest": digest_by_name("torchvision:resnet18"),
    }


@pytest.mark.slow
def test_imagenet_weights_have_a_row_and_a_file_that_says_whose_they_are(
    no_network: Path, tmp_path: Path
) -> None:
    no_network.parent.mkdir(parents=True)
    torch.save(resnet18().state_dict(), no_network)
    network = ("encoder=resnet18", "encoder.backbone.stem=imagenet", "callbacks.health=null")
    overrides = [o for o in small.SMALL if not o.startswith("encoder")]
    config = small.config(*overrides, *network, "callbacks.progress=null", f"run.root={tmp_path}")
    train(config)
    folder = RunFolder.of(config).path
    evaluations = evaluate_runs([str(folder)], Asked(protocols=[Finetune(seeds=1, epochs=1)]))
    names = ["untrained encoder", "ImageNet weights (torchvision:resnet18)", f"{folder.name} (query)"]
    assert list(evaluations.rows) == names
    evaluations.write()
    weights = content(folder, "imagenet")["weights"]
    assert (weights["source"], weights["kind"]) == ("torchvision:resnet18", "imagenet")


def test_without_them_the_message_says_which_file_to_put_where(no_network: Path) -> None:
    with pytest.raises(NotPublishedError, match="resnet18-f37072fd") as error:
        begin_published(method_of("encoder.backbone.stem=imagenet"))
    assert str(no_network) in str(error.value)


def test_a_network_that_no_library_has_is_told(no_network: Path) -> None:
    with pytest.raises(NotPublishedError, match="stem=imagenet"):
        begin_published(method_of("encoder.backbone.stem=cifar"))
