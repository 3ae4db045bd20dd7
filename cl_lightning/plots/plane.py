"""Places features in the plane, for a map."""

import warnings
from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import torch
from torch import Tensor

from cl_lightning.plots.ways import TITLES, WAYS, Way

MOST = 2000  # points; more take minutes and can't be told apart
EXACT = 512  # dimensions
PERPLEXITY, NEIGHBOURS = 30, 15  # of t-SNE, of UMAP: their authors' defaults
LEAST = 5  # points that t-SNE and UMAP can place


def evenly_drawn(images: int, most: int = MOST) -> Tensor:
    """The places of at most `most` images, evenly spread over all."""
    return torch.linspace(0, images - 1, min(images, most), dtype=torch.float64).round().long()


def embed_in_plane(features: Tensor, way: Way = "pca", seed: int = 0) -> np.ndarray:
    """Points [images, 2] of features [images, dim]; the same for the same seed.

    PCA takes the two directions of the largest variance; the largest weight of each is positive. t-SNE has
    perplexity 30 and begins with PCA, UMAP has 15 neighbours; both have less where there are too few images.

    Raises:
        ValueError: another `way`; too few images for it; UMAP is not installed; values that are not finite.
    """
    check_way(way)
    check_images(way, len(features))
    if not features.isfinite().all():
        raise ValueError("a map needs finite features; accepted: those of a network that has not diverged")
    if way == "pca":
        return _pca(features, seed)
    return (_tsne if way == "tsne" else _umap)(features.float().cpu().numpy(), seed)


def check_way(way: Way) -> None:
    """Refuse, with a ValueError, what is no way to make a map, or is not installed."""
    if way not in WAYS:
        raise ValueError(f"the map is {way!r}; accepted: {', '.join(WAYS)}")
    if way == "umap":
        try:
            distribution("umap-learn")
        except PackageNotFoundError as error:
            raise ValueError(
                "the map is umap, but umap-learn is not installed; accepted: pca, tsne, or "
                "pip install 'cl_lightning[umap]'"
            ) from error


def check_images(way: Way, images: int) -> None:
    """Refuse, with a ValueError, fewer images than a way can place."""
    if way != "pca" and images < LEAST:
        raise ValueError(f"a {TITLES[way]} map of {images} images; accepted: {LEAST} or more, or pca")


def _pca(features: Tensor, seed: int) -> np.ndarray:
    """By torch, because the end of a run must not wait for an import of scikit-learn."""
    centred = features.double().cpu()
    centred = centred - centred.mean(0)
    directions = _directions(centred, seed)
    largest = directions.abs().argmax(0)
    directions = directions * directions.gather(0, largest[None]).sign()
    points = torch.zeros(len(centred), 2, dtype=torch.float64)
    points[:, : directions.shape[1]] = centred @ directions
    return points.numpy()


def _directions(centred: Tensor, seed: int) -> Tensor:
    """The first two principal directions [dim, 2]; in more than `EXACT` dimensions nearly."""
    if centred.shape[1] <= EXACT:
        return torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -2:].flip(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.svd_lowrank(centred, q=min(32, len(centred)), niter=16)[2][:, :2]


def _tsne(features: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(features)


def _umap(features: np.ndarray, seed: int) -> np.ndarray:
    neighbours = min(NEIGHBOURS, len(features) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what else it could use, and of few images
        from umap import UMAP

        return UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(features)
