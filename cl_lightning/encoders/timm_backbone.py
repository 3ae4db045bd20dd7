"""Any network of timm as a backbone, by name."""

from difflib import get_close_matches
from types import ModuleType

from jaxtyping import Float
from torch import Tensor, nn


class TimmBackbone(nn.Module):
    """A network of timm without its classifier, untrained: [batch, features] after timm's own pooling.

    `model` is a name in `timm.list_models()`. Networks with a fixed input size, such as vision transformers,
    are made for images of `size` pixels; others accept any size. `features` is timm's `head_hidden_size`.
    Images: [batch, channels, height, width].

    Raises ValueError for a name that timm does not have, ImportError if timm is missing.
    """

    def __init__(self, model: str = "resnet50", channels: int = 3, size: int = 224) -> None:
        super().__init__()
        timm = _timm()
        if not timm.is_model(model):
            raise ValueError(_unknown(model, timm.list_models()))
        self.model, self.channels, self.size = model, channels, size
        about = timm.get_pretrained_cfg(model)
        sized = {"img_size": size} if about is not None and about.fixed_input_size else {}
        self.network = timm.create_model(model, pretrained=False, num_classes=0, in_chans=channels, **sized)
        self.features = int(self.network.head_hidden_size)

    def forward(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch features"]:
        return self.network(images)


def _timm() -> ModuleType:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ImportError(
            "encoder.backbone needs timm, which is missing; accepted: pip install 'cl_lightning[timm]'"
        ) from error
    return timm


def _unknown(model: str, known: list[str]) -> str:
    near = get_close_matches(model, known, n=5)
    guess = f", such as {', '.join(near)}" if near else ""
    return f"timm has no model {model!r}: set encoder.backbone.model to one of timm.list_models(){guess}."
