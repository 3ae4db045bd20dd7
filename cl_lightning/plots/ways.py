"""The ways to place features in the plane. Imports nothing, for the help of commands."""

from typing import Literal, get_args

Way = Literal["pca", "tsne", "umap"]
WAYS: tuple[Way, ...] = get_args(Way)
TITLES: dict[Way, str] = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
