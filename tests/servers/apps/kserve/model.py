"""A model for KServe that adds up rows."""

from kserve import Model, ModelServer


class Sums(Model):
    def load(self):
        self.ready = True

    def predict(self, payload, headers=None):
        return {"predictions": [sum(row) for row in payload["instances"]]}


if __name__ == "__main__":
    model = Sums("sums")
    model.load()
    ModelServer().start([model])
