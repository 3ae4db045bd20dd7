"""How features lie on the sphere, without labels."""

from jaxtyping import Float
from torch import Tensor

from cl_lightning.metrics.spectrum import effective_rank, spectrum
from cl_lightning.metrics.sphere import on_sphere
from cl_lightning.metrics.uniformity import uniformity


def geometry(features: Float[Tensor, "images dim"]) -> dict[str, float]:
    """`uniformity` and `effective_rank` of the normalised features, as `Uniformity` and `EffectiveRank`.

    In memory is a square as large as the smaller of images and dimensions.
    """
    z = on_sphere(features)
    # Both products have the same eigenvalues, except for zeros.
    moment = z.T @ z if z.shape[1] <= len(z) else z @ z.T
    return {
        "uniformity": uniformity(z).item(),
        "effective_rank": effective_rank(spectrum(moment)).item(),
    }
