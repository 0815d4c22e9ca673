from .metadata import ModelLabelsAPI, ModelMetadataAPI
from .predict import ModelPredictAPI

__all__ = ["ModelLabelsAPI", "ModelMetadataAPI", "ModelPredictAPI"]
