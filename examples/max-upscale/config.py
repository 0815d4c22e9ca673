"""What the app, its Swagger page and its model are called, and where the weights lie."""

# Flask
DEBUG = False

# Hides the X-Fields header from the Swagger page of flask-restplus and flask-restx.
RESTPLUS_MASK_SWAGGER = False
RESTX_MASK_SWAGGER = False

API_TITLE = "MAX Upscale"
API_DESC = "Enlarge an image four times"
API_VERSION = "1.0.0"

MODEL_PATH = "assets/filters.npz"
MODEL_METADATA = {
    "id": "upscale-filters",
    "name": "Learned upscaling filters",
    "description": "Enlarges an image four times with filters chosen by the direction of the edge at each pixel",  # noqa: E501
    "type": "Image-To-Image Translation Or Transformation",
    "source": "https://arxiv.org/abs/1606.01299",
    "license": "Apache-2.0",
}
