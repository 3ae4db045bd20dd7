"""The papers' augmentation recipes: their operations, strengths and probabilities."""

from collections.abc import Sequence

from cl_lightning.pairs import checks
from cl_lightning.pairs.affine import Affine
from cl_lightning.pairs.blur import Blur, kernel_width
from cl_lightning.pairs.brightness import Brightness
from cl_lightning.pairs.checks import Number, probability
from cl_lightning.pairs.crop import Crop
from cl_lightning.pairs.flip import Flip
from cl_lightning.pairs.greyscale import Greyscale
from cl_lightning.pairs.jitter import Jitter
from cl_lightning.pairs.normalize import IMAGENET_MEAN, IMAGENET_STD
from cl_lightning.pairs.solarize import Solarize
from cl_lightning.pairs.views import Views


def simclr_views(
    size: int,
    *,
    seed: int = 0,
    crop_scale: Sequence[Number] = (0.08, 1.0),
    crop_ratio: Sequence[Number] = (3 / 4, 4 / 3),
    flip: Number = 0.5,
    jitter: Sequence[Number] = (0.8, 0.8, 0.8, 0.2),
    jitter_probability: Number = 0.8,
    greyscale: Number = 0.2,
    blur: Number = 0.5,
    blur_sigma: Sequence[Number] = (0.1, 2.0),
    solarize: Number = 0.0,
    mean: Sequence[Number] = IMAGENET_MEAN,
    std: Sequence[Number] = IMAGENET_STD,
) -> Views:
    """SimCLR's views (arXiv 2002.05709, appendix A, at strength 1.0): crop, flip, jitter, grey, blur.

    `size` is the side of the views in pixels. `flip`, `jitter_probability`, `greyscale`, `blur` and
    `solarize` are probabilities. `jitter` holds the strengths of brightness, contrast, saturation and hue.
    `blur_sigma` is in pixels. `mean` and `std` (for pixels in [0, 1]) have one number for each channel of
    the images. Raises ValueError for a value outside its range.
    Differs from the paper: jitter is torchvision's, not TensorFlow's; the result is standardised.
    """
    checks.check_size_and_seed(size, seed)
    mean, std = checks.standardisation(mean, std)
    operations: list[Jitter | Greyscale | Blur | Solarize] = [
        Jitter(checks.strengths("jitter", jitter), probability("jitter_probability", jitter_probability)),
        Greyscale(probability("greyscale", greyscale)),
        Blur(probability("blur", blur), checks.interval("blur_sigma", blur_sigma), kernel_width(size)),
        Solarize(probability("solarize", solarize)),
    ]
    return Views(
        size=size,
        seed=seed,
        mean=mean,
        std=std,
        crop=Crop(checks.interval("crop_scale", crop_scale, 1.0), checks.interval("crop_ratio", crop_ratio)),
        flip=Flip(probability("flip", flip)),
        operations=tuple(operation for operation in operations if operation.probability > 0),
    )


def moco_v2_views(
    size: int,
    *,
    seed: int = 0,
    crop_scale: Sequence[Number] = (0.2, 1.0),
    crop_ratio: Sequence[Number] = (3 / 4, 4 / 3),
    flip: Number = 0.5,
    jitter: Sequence[Number] = (0.4, 0.4, 0.4, 0.1),
    jitter_probability: Number = 0.8,
    greyscale: Number = 0.2,
    blur: Number = 0.5,
    blur_sigma: Sequence[Number] = (0.1, 2.0),
    solarize: Number = 0.0,
    mean: Sequence[Number] = IMAGENET_MEAN,
    std: Sequence[Number] = IMAGENET_STD,
) -> Views:
    """MoCo v2's views (arXiv 2003.04297, section 3.1): SimCLR's with larger crops and weaker jitter.

    Arguments and errors are those of `simclr_views`. The official code flips last; here the flip is part of
    the crop, which gives the same result because a flip commutes with jitter, grey and blur.
    Differs from the official code: the blur is SimCLR's (kernel width 10 % of the image), not PIL's.
    """
    return simclr_views(
        size,
        seed=seed,
        crop_scale=crop_scale,
        crop_ratio=crop_ratio,
        flip=flip,
        jitter=jitter,
        jitter_probability=jitter_probability,
        greyscale=greyscale,
        blur=blur,
        blur_sigma=blur_sigma,
        solarize=solarize,
        mean=mean,
        std=std,
    )


def digit_views(
    size: int,
    *,
    seed: int = 0,
    rotation: Number = 15.0,
    shear: Number = 15.0,
    scale: Sequence[Number] = (0.75, 1.33),
    shift: Number = 0.15,
    brightness: Number = 0.3,
    mean: Sequence[Number] = (0.0,),
    std: Sequence[Number] = (0.3,),
) -> Views:
    """Views of handwritten digits, light on dark: an affine warp, then brightness; no crop, flip or colours.

    `size` is the side of the images and of their views. `rotation` and `shear` are the largest angles in
    degrees, `scale` is the range of factors, `shift` the largest shift as a share of the side, and
    `brightness` the largest change of the brightness factor. Raises ValueError for a value outside its range.
    With the default mean a dark background stays 0, which is also the padding value of convolutions.
    """
    checks.check_size_and_seed(size, seed)
    mean, std = checks.standardisation(mean, std)
    affine = Affine(
        checks.number("rotation", rotation, 0, 180, "an angle from 0 to 180 degrees"),
        checks.number("shear", shear, 0, 80, "an angle from 0 to 80 degrees"),
        checks.interval("scale", scale),
        checks.number("shift", shift, 0, 1, "a share of the side from 0 to 1"),
        size,
    )
    light = Brightness(checks.number("brightness", brightness, 0, 1, "a strength from 0 to 1"))
    return Views(size=size, seed=seed, mean=mean, std=std, operations=(affine, light))
