"""What is said of an action's image: by us, and what was said of its base; in every kind of
registry.
"""

import base64
import json
import subprocess

import pytest

from images.action.provenance import statement_from_plan
from testing.cosign import Cosign
from testing.prerequisites import need
from testing.registry import Odd, real_registry
from tests.images.samples import (
    BASE,
    FAMILIES,
    SBOM,
    TARGET,
    VERSION,
    made,
    order_for,
    put_image,
    put_index,
)

IN_TOTO = "application/vnd.in-toto+json"


@pytest.fixture
def registry():
    with Odd().served() as odd:
        yield odd


def referrers(registry, digest, repository=TARGET):
    """Manifests that speak of one, the way a client of the specification finds them."""
    if registry.lists_referrers:
        listed = registry.referrers(repository, digest)
    else:
        listed = registry.json_manifest(repository, digest.replace(":", "-"))["manifests"]
    return [registry.json_manifest(repository, entry["digest"]) for entry in listed]


def content(registry, manifest, repository=TARGET):
    return [json.loads(registry.blobs[repository, one["digest"]]) for one in manifest["layers"]]


@pytest.mark.parametrize("lists", [True, False], ids=["by the registry", "under a tag"])
def test_a_statement_says_what_the_image_is_made_of(registry, home, lists):
    registry.lists_referrers = lists
    sample = put_image(registry, BASE, "latest", "oci")
    plan, pushed = made(order_for(registry), home)
    (about,) = referrers(registry, pushed.digest)
    assert (pushed.attached, pushed.remarks) == (1, [])
    assert about["artifactType"] == IN_TOTO
    assert about["subject"] == {
        "mediaType": FAMILIES["oci"]["manifest"],
        "digest": pushed.digest,
        "size": len(registry.manifests[TARGET, "1.0.0"][1]),
    }
    layer = registry.json_manifest(TARGET, "1.0.0")["layers"][-1]
    hexes = {
        "ours": pushed.digest,
        "base": sample.descriptor["digest"],
        "layer": layer["digest"],
    }
    ours, base, added = ({"sha256": digest[7:]} for digest in hexes.values())
    name = f"{registry.address}/{BASE}:latest"
    assert content(registry, about) == [
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": f"{registry.address}/{TARGET}:1.0.0", "digest": ours}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "urn:serverless-max-models:action-image:1",
                    "externalParameters": {"base": name, "version": VERSION},
                    "resolvedDependencies": [{"uri": name, "digest": base}],
                },
                "runDetails": {
                    "builder": {"id": f"urn:serverless-max-models:action-image:1:{VERSION}"},
                    "byproducts": [
                        {
                            "name": "COPY openwhisk.py openwhisk_adapter /openwhisk/",
                            "digest": added,
                            "annotations": {"diff_id": plan.parts[0].layers[0].diff_id},
                        }
                    ],
                },
            },
        }
    ]


def put_sbom(registry, about, tag=None):
    """Somebody's list of what is in the base, attached to it."""
    config = registry.add_blob(BASE, b"{}")
    blob = registry.add_blob(BASE, SBOM)
    value = {
        "schemaVersion": 2,
        "mediaType": FAMILIES["oci"]["manifest"],
        "artifactType": "application/spdx+json",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", **config},
        "layers": [{"mediaType": "application/spdx+json", **blob}],
        "subject": about,
    }
    described = registry.add_manifest(BASE, "sbom", FAMILIES["oci"]["manifest"], value)
    if not registry.lists_referrers:
        index = {"schemaVersion": 2, "manifests": [described]}
        tag = about["digest"].replace(":", "-")
        registry.add_manifest(BASE, tag, FAMILIES["oci"]["index"], index)


@pytest.mark.parametrize("lists", [True, False], ids=["by the registry", "under a tag"])
@pytest.mark.parametrize("place", ["mounted", "copied"])
def test_what_refers_to_the_base_refers_to_the_action_too(registry, home, lists, place):
    registry.lists_referrers = lists
    sample = put_image(registry, BASE, "latest", "oci")
    put_sbom(registry, sample.descriptor)
    with Odd().served() as other:
        target = other if place == "copied" else registry
        target.lists_referrers = lists
        _, pushed = made(order_for(registry, target), home)
        kept = [one for one in referrers(target, pushed.digest) if one["artifactType"] != IN_TOTO]
        assert [content(target, one) for one in kept] == [[json.loads(SBOM)]]
    base = sample.descriptor["digest"]
    assert kept[0]["annotations"] == {"org.opencontainers.image.base.digest": base}
    assert pushed.attached == 2


def test_attestations_of_an_index_are_kept_for_each_of_its_images(registry, home):
    names = ("amd64", "arm64")
    samples = {name: put_image(registry, BASE, name, "oci", architecture=name) for name in names}
    put_index(registry, BASE, "latest", "oci", samples, attested=2)
    _, pushed = made(order_for(registry), home)
    index = registry.json_manifest(TARGET, "1.0.0")
    assert (pushed.attached, pushed.remarks) == (3, [])
    assert len(index["manifests"]) == 2
    for entry in index["manifests"]:
        (kept,) = referrers(registry, entry["digest"])
        base = samples[entry["platform"]["architecture"]].descriptor["digest"]
        assert kept["annotations"]["org.opencontainers.image.base.digest"] == base
        assert content(registry, kept) == [json.loads(SBOM)]


def test_a_registry_that_takes_none_gets_the_image_all_the_same(registry, home):
    registry.refuses_statements = True
    put_image(registry, BASE, "latest", "oci")
    _, pushed = made(order_for(registry), home)
    assert (TARGET, "1.0.0") in registry.manifests
    assert pushed.attached == 0
    assert len(pushed.remarks) == 1
    assert f"{registry.address} takes no statements on images: PUT http://" in pushed.remarks[0]


HOSTILE = {
    "no list": {"manifests": 5},
    "no digests": {"manifests": [1, {}, {"digest": 5}, {"digest": "../../x"}]},
    "itself without end": {"manifests": [{"digest": "sha256:" + "0" * 64}] * 10_000},
}


@pytest.mark.parametrize("listed", HOSTILE.values(), ids=HOSTILE)
def test_odd_lists_of_a_base_are_no_reason_to_have_no_image(registry, home, listed):
    registry.lists_referrers = False
    sample = put_image(registry, BASE, "latest", "oci")
    tag = sample.descriptor["digest"].replace(":", "-")
    registry.add_manifest(BASE, tag, FAMILIES["oci"]["index"], listed)
    made(order_for(registry), home)
    assert (TARGET, "1.0.0") in registry.manifests
    assert len(registry.asked()) < 100


def test_debians_registry_takes_statements_under_a_tag(home):
    with real_registry() as address:
        with Odd().served() as source:
            put_image(source, BASE, "latest", "oci")
            order = order_for(source)
            target = order.target._replace(registry=address)
            _, pushed = made(order._replace(target=target), home)
        assert (pushed.attached, pushed.remarks) == (1, [])
        url = f"http://{address}/v2/{TARGET}/manifests/{pushed.digest.replace(':', '-')}"
        accept = f"Accept: {FAMILIES['oci']['index']}"
        command = [need("curl"), "--silent", "--header", accept, url]
        done = subprocess.run(command, capture_output=True, check=True)
        listed = json.loads(done.stdout)["manifests"]
        assert [one["artifactType"] for one in listed] == [IN_TOTO]


@pytest.mark.timeout(3000)
def test_what_is_signed_with_cosign_is_verified_by_it(home, tmp_path):
    cosign = Cosign(tmp_path)
    with real_registry() as address:
        with Odd().served() as source:
            put_image(source, BASE, "latest", "oci")
            order = order_for(source)
            plan, pushed = made(
                order._replace(target=order.target._replace(registry=address)), home
            )
        name = f"{address}/{TARGET}@{pushed.digest}"
        cosign.sign(name, "sign")
        (signed,) = json.loads(cosign.verify(name, "verify"))
        assert signed["critical"]["image"] == {"docker-manifest-digest": pushed.digest}
        predicate = statement_from_plan(plan)["predicate"]
        (tmp_path / "predicate.json").write_text(json.dumps(predicate))
        attest = ("attest", "--type", "slsaprovenance1", "--predicate", "predicate.json")
        cosign.sign(name, *attest)
        told = cosign.verify(name, "verify-attestation", "--type", "slsaprovenance1")
        payload = json.loads(base64.b64decode(json.loads(told)["payload"]))
        assert payload["predicateType"] == "https://slsa.dev/provenance/v1"
        dependencies = payload["predicate"]["buildDefinition"]["resolvedDependencies"]
        assert dependencies == predicate["buildDefinition"]["resolvedDependencies"]
