from grader.datasets.cache import ProvidedData, cache_folder
from grader.datasets.fetched import fetch
from grader.datasets.provided import make_drawn, manifest, provide
from grader.datasets.registry import DataSet, Place, registry

__all__ = [
    "DataSet",
    "Place",
    "ProvidedData",
    "cache_folder",
    "fetch",
    "make_drawn",
    "manifest",
    "provide",
    "registry",
]
