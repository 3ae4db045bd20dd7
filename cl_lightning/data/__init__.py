"""The images of a run, and the order in which each process sees them."""

from cl_lightning.data.batch import Batch
from cl_lightning.data.broken_files import BrokenImageError
from cl_lightning.data.contrastive_data import ContrastiveData
from cl_lightning.data.device_loader import DeviceLoader
from cl_lightning.data.images import to_uint8
from cl_lightning.data.item import image_and_label
from cl_lightning.data.order import EpochOrder, EvaluationOrder
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.sets.cifar import cifar10, cifar100
from cl_lightning.data.sets.digits import digits
from cl_lightning.data.sets.image_folder import image_folder
from cl_lightning.data.sets.imagenet import imagenet
from cl_lightning.data.sets.imagenette import imagenette
from cl_lightning.data.sets.scattered_digits import scattered_digits
from cl_lightning.data.sets.stl10 import stl10
from cl_lightning.data.sets.synthetic import synthetic
from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.data.workers.worker_loader import WorkerLoader

__all__ = [
    "Batch",
    "BrokenImageError",
    "ContrastiveData",
    "DeviceLoader",
    "EpochOrder",
    "EvaluationOrder",
    "PhotoFolder",
    "TensorImages",
    "WorkerLoader",
    "cifar10",
    "cifar100",
    "digits",
    "image_and_label",
    "image_folder",
    "imagenet",
    "imagenette",
    "scattered_digits",
    "stl10",
    "synthetic",
    "to_uint8",
]

# What a config may name.
OPTIONS = (
    "cl_lightning.data.ContrastiveData",
    "cl_lightning.data.cifar10",
    "cl_lightning.data.cifar100",
    "cl_lightning.data.digits",
    "cl_lightning.data.image_folder",
    "cl_lightning.data.imagenet",
    "cl_lightning.data.imagenette",
    "cl_lightning.data.scattered_digits",
    "cl_lightning.data.stl10",
    "cl_lightning.data.synthetic",
)
