"""Where a store lies: a folder that nodes share, or a bucket; files are created only where there are none."""

from after_ray.store.places._place import Found, Place
from after_ray.store.places.folder import Folder
from after_ray.store.places.opening import SCHEMES, file_of, is_bucket, place_of

__all__ = ["SCHEMES", "Folder", "Found", "Place", "file_of", "is_bucket", "place_of"]
