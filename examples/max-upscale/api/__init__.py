from .metadata import ModelMetadataAPI
from .predict import ModelPredictAPI

__all__ = ["ModelMetadataAPI", "ModelPredictAPI"]
