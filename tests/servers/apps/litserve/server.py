"""A model for LitServe that adds up a row."""

import litserve


class Sums(litserve.LitAPI):
    def setup(self, device):
        self.add_up = sum

    def decode_request(self, request):
        return request["row"]

    def predict(self, row):
        return self.add_up(row)

    def encode_response(self, output):
        return {"sum": output}


if __name__ == "__main__":
    litserve.LitServer(Sums()).run(port=8000, generate_client_file=False)
