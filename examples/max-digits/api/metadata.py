"""GET /model/metadata and GET /model/labels."""

from config import MODEL_METADATA
from core.model import LABELS

# From maxfw, which took it from flask-restplus or flask-restx: whichever this image has.
from maxfw.core import MAX_API, METADATA_SCHEMA, MetadataAPI, fields

label = MAX_API.model(
    "ModelLabel",
    {
        "id": fields.String(required=True, description="Label identifier"),
        "name": fields.String(required=True, description="Label"),
    },
)

labels_response = MAX_API.model(
    "LabelsResponse",
    {
        "count": fields.Integer(required=True, description="Number of labels returned"),
        "labels": fields.List(
            fields.Nested(label), description="Labels that the model can predict"
        ),
    },
)


class ModelMetadataAPI(MetadataAPI):
    @MAX_API.doc("get_metadata")
    @MAX_API.marshal_with(METADATA_SCHEMA)
    def get(self):
        """Return the metadata associated with the model"""
        return MODEL_METADATA


class ModelLabelsAPI(MetadataAPI):
    @MAX_API.doc("get_labels")
    @MAX_API.marshal_with(labels_response)
    def get(self):
        """Return the list of labels that the model can predict"""
        labels = [{"id": identifier, "name": name} for identifier, name in enumerate(LABELS)]
        return {"count": len(labels), "labels": labels}
