"""What the app, its Swagger page and its model are called, and where the weights lie."""

# Flask
DEBUG = False

# Hides the X-Fields header from the Swagger page of flask-restplus and flask-restx.
RESTPLUS_MASK_SWAGGER = False
RESTX_MASK_SWAGGER = False

API_TITLE = "MAX Digits"
API_DESC = "Recognise a handwritten digit"
API_VERSION = "1.0.0"

MODEL_PATH = "assets/digits.npz"
MODEL_METADATA = {
    "id": "digits-perceptron",
    "name": "Handwritten digits",
    "description": "Perceptron with one hidden layer, trained on the digits that scikit-learn ships",  # noqa: E501
    "type": "Image Classification",
    "source": "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    "license": "Apache-2.0",
}
