"""The projection head g(h) that maps features to the space of the loss."""

from torch import nn


class Projector(nn.Sequential):
    """Linear, (BatchNorm), ReLU, ..., Linear, (BatchNorm): [batch, in_features] -> [batch, out_features].

    SimCLR (arXiv 2002.05709) has 2 layers with BatchNorm; its code (and arXiv 2006.10029) has up to 3, and
    one more BatchNorm at the output with a weight but no bias (`output_batch_norm`). MoCo v2
    (arXiv 2003.04297) has 2 layers without BatchNorm, MoCo v1 (arXiv 1911.05722) a single one. Hidden layers
    are as wide as the features (`hidden_features=None`). A Linear directly before a BatchNorm has no bias.

    Differs from the paper: Linear weights have torch's initialisation; SimCLR's code uses N(0, 0.01^2).

    Raises ValueError unless there are 1 to 3 layers.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int | None = None,
        out_features: int = 128,
        layers: int = 2,
        batch_norm: bool = True,
        output_batch_norm: bool = False,
    ) -> None:
        if layers not in (1, 2, 3):
            raise ValueError(f"a projector of {layers} layers: set encoder.layers to 1, 2 or 3.")
        hidden = in_features if hidden_features is None else hidden_features
        modules: list[nn.Module] = []
        for width in [in_features, hidden, hidden][: layers - 1]:
            modules.append(nn.Linear(width, hidden, bias=not batch_norm))
            modules += [nn.BatchNorm1d(hidden)] if batch_norm else []
            modules.append(nn.ReLU(inplace=True))
        last = in_features if layers == 1 else hidden
        modules.append(nn.Linear(last, out_features, bias=not output_batch_norm))
        if output_batch_norm:
            norm = nn.BatchNorm1d(out_features)
            norm.register_parameter("bias", None)
            modules.append(norm)
        super().__init__(*modules)
