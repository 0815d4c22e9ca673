"""What the app, its Swagger page and its model are called, and where the weights lie."""

# Flask
DEBUG = False

# Hides the X-Fields header from the Swagger page of flask-restplus and flask-restx.
RESTPLUS_MASK_SWAGGER = False
RESTX_MASK_SWAGGER = False

API_TITLE = "MAX Sentiment"
API_DESC = "Tell whether sentences sound positive or negative"
API_VERSION = "1.0.0"

MODEL_PATH = "assets/weights.npz"
MODEL_METADATA = {
    "id": "sentiment-words",
    "name": "Sentiment of short sentences",
    "description": "Logistic regression on words, pairs of words and parts of words",
    "type": "Text Classification",
    "source": "https://arxiv.org/abs/1607.01759",
    "license": "Apache-2.0",
}
