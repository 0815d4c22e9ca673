"""The REST API that wsk, wskdeploy and the npm client use."""
