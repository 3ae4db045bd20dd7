"""Any network of timm as a backbone, by name."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import ModuleType

from jaxtyping import Float
from torch import Tensor, nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.encoders.timm_weights import adapted_to

PREFIX = "network."  # timm's network in the names of the backbone's weights


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

    def feature_map(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch *dims"]:
        """What is pooled: a map, as timm's network has it, or the tokens [batch, tokens, features]."""
        return self.network.forward_features(images)

    @property
    def published(self) -> str:
        """timm's weights of this network, in the words of `init.weights`; there may be none."""
        return f"timm:{self.model}"

    def adapted(self, weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
        """Weights of timm's network for another image size or for 3 channels, as weights of this backbone.

        Args:
            weights: a state dict of timm's network, or of such a backbone.

        Returns:
            a state dict of this backbone, with what else was in `weights`, such as a classifier; and a line
            for each change. Without any if all weights fit as they are.

        Raises:
            ConfigError: timm can't adapt them.
        """
        plain = dict(weights)
        if all(name.startswith(PREFIX) for name in weights):  # some networks have an inner one of this name
            plain = {name.removeprefix(PREFIX): weight for name, weight in weights.items()}
        own, told = self.network.state_dict(), list[str]()
        if any(name not in plain or plain[name].shape != weight.shape for name, weight in own.items()):
            try:
                plain, told = adapted_to(self.network, self.channels, plain)
            except Exception as error:  # timm expects weights of this network
                reason = f"{type(error).__name__}: {error}"
                raise ConfigError(
                    f"the weights do not fit timm's {self.model} ({reason}); accepted: weights of this "
                    "network (encoder.backbone.model)"
                ) from error
        return {f"{PREFIX}{name}": weight for name, weight in plain.items()}, told


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
