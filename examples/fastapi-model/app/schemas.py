"""What a client may send. Touches nothing."""

from typing import List

from pydantic import BaseModel, ConfigDict, Field, field_validator

TEXTS = [
    {"text": "Fine-tuning a transformer for the sentiment of product reviews."},
    {"text": "Counting people in camera images with convolutional networks."},
]


class Text(BaseModel):
    text: str = Field(min_length=1, max_length=10_000)

    @field_validator("text")
    @classmethod
    def not_only_spaces(cls, value):
        if not value.strip():
            raise ValueError("The text is empty")
        return value


class PredictPayload(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"texts": TEXTS}})

    texts: List[Text] = Field(min_length=1, max_length=1000)
