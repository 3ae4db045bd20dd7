"""Maps of features: where points lie, and how classes are told apart."""

import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from cl_lightning.plots import plane, plot_features, plot_map
from cl_lightning.plots.canvas import as_png
from cl_lightning.plots.plane import embed_in_plane, evenly_drawn


def clusters(images: int = 60, dim: int = 8, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(images) % classes
    centres = 20 * torch.randn(classes, dim, generator=generator)
    return centres[labels] + torch.randn(images, dim, generator=generator), labels


@pytest.mark.parametrize("dim", [2, 8, 600])
def test_pca_is_that_of_scikit_learn(dim: int) -> None:
    features, _ = clusters(dim=dim)
    expected = PCA(2, svd_solver="full").fit_transform(features.double().numpy())
    np.testing.assert_allclose(embed_in_plane(features, "pca"), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 4), (3, 1), (2, 2)])
def test_few_images_and_one_dimension_have_a_pca_map(shape: tuple[int, int]) -> None:
    points = embed_in_plane(torch.arange(float(shape[0] * shape[1])).view(shape), "pca")
    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()
    assert abs(points[:, 1]).max() < 1e-6  # they lie on a line


@pytest.mark.parametrize("way", ["pca", "tsne"])
def test_the_same_seed_gives_the_same_map_and_leaves_torchs_generator_alone(way: str) -> None:
    features, _ = clusters(dim=600 if way == "pca" else 8)
    before = torch.get_rng_state()
    first, again = embed_in_plane(features, way, seed=1), embed_in_plane(features, way, seed=1)
    np.testing.assert_array_equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("images", [5, 60])
def test_tsne_keeps_classes_together(images: int) -> None:
    features, labels = clusters(images)
    points = embed_in_plane(features, "tsne")
    assert points.shape == (images, 2)
    if images == 60:
        near = np.linalg.norm(points[:, None] - points[None], axis=-1).argsort(1)[:, 1]
        assert (labels[near] == labels).all()


@pytest.mark.parametrize(
    ("features", "way", "named"),
    [
        (torch.ones(9, 3), "circle", "pca, tsne, umap"),
        (torch.ones(4, 3), "tsne", "5 or more"),
        (torch.full((9, 3), torch.nan), "pca", "finite"),
    ],
)
def test_a_map_that_can_not_be_made_is_refused(features: torch.Tensor, way: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        embed_in_plane(features, way)


def _absent(package: str) -> None:
    raise PackageNotFoundError(package)


def test_without_umap_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane, "distribution", _absent)
    with pytest.raises(ValueError, match=r"pip install 'cl_lightning\[umap\]'"):
        embed_in_plane(torch.ones(9, 3), "umap")


def test_umap_has_its_seed_and_fewer_neighbours_for_few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class UMAP:
        def __init__(self, **settings: int) -> None:
            asked.append(settings)

        def fit_transform(self, features: np.ndarray) -> np.ndarray:
            return features[:, :2]

    monkeypatch.setattr(plane, "distribution", lambda package: None)
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=UMAP))
    for images in (9, 60):
        assert embed_in_plane(torch.ones(images, 3), "umap", seed=4).shape == (images, 2)
    assert [(s["n_neighbors"], s["random_state"]) for s in asked] == [(8, 4), (15, 4)]


def test_points_are_drawn_evenly() -> None:
    assert evenly_drawn(5).tolist() == [0, 1, 2, 3, 4]
    assert evenly_drawn(101, most=3).tolist() == [0, 50, 100]
    assert evenly_drawn(1).tolist() == [0]
    many = evenly_drawn(1_281_167)
    assert (len(many.unique()), many[-1].item()) == (2000, 1_281_166)


def drawn(picture) -> dict[str, np.ndarray]:
    """The points of each class by its name in the legend."""
    (axes,) = picture.axes
    return {part.get_label(): np.asarray(part.get_offsets()) for part in axes.collections}


def test_each_class_has_its_points_its_name_and_its_own_look() -> None:
    points = np.arange(24.0).reshape(12, 2)
    labels = [5, -3, *range(10, 20)]
    picture = plot_map(points, labels, {5: "cat $x", -3: "a\udce9"})
    parts = drawn(picture)
    assert list(parts) == [r"a\xe9", r"cat \$x", *map(str, range(10, 20))]
    np.testing.assert_array_equal(parts[r"cat \$x"], points[:1])
    (axes,) = picture.axes
    looks = {
        (tuple(part.get_facecolor()[0]), part.get_paths()[0].vertices.tobytes()) for part in axes.collections
    }
    assert len(looks) == 12
    (legend,) = picture.legends
    assert [text.get_text() for text in legend.get_texts()] == list(parts)
    assert as_png(picture).startswith(b"\x89PNG")


def test_of_many_classes_the_largest_are_coloured_and_the_others_counted() -> None:
    labels = np.concatenate([np.arange(100), np.repeat(np.arange(89, 100), 2)])
    parts = drawn(plot_map(np.zeros((len(labels), 2)), labels))
    assert list(parts) == ["89 other classes", *map(str, range(89, 100))]
    assert [len(part) for part in parts.values()] == [89, *[3] * 11]


def test_without_labels_all_points_look_alike() -> None:
    picture = plot_map(np.zeros((7, 2)), title="PCA")
    (part,) = drawn(picture).values()
    assert len(part) == 7
    assert picture.legends == []


def test_of_many_images_some_are_drawn_at_unit_length_and_the_title_says_so() -> None:
    features, labels = clusters(4000, classes=2)
    (axes,) = plot_features(features, labels, {0: "left"}).axes
    assert axes.get_title(loc="left") == "PCA of the features of 2,000 of 4,000 images"
    found = {part.get_label(): part.get_offsets() for part in axes.collections}
    assert list(found) == ["left", "1"]
    assert sum(map(len, found.values())) == 2000
    assert max(np.abs(points).max() for points in found.values()) < 2
