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
from testing.registry import real_registry
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


def referrers(odd, digest, repository=TARGET):
    """Manifests that speak of one, the way a client of the specification finds them."""
    if odd.lists_referrers:
        listed = odd.referrers(repository, digest)
    else:
        listed = odd.json_manifest(repository, digest.replace(":", "-"))["manifests"]
    return [odd.json_manifest(repository, entry["digest"]) for entry in listed]


def content(odd, manifest, repository=TARGET):
    return [json.loads(odd.blobs[repository, one["digest"]]) for one in manifest["layers"]]


@pytest.mark.parametrize("lists", [True, False], ids=["by the registry", "under a tag"])
def test_a_statement_says_what_the_image_is_made_of(odd, home, lists):
    odd.lists_referrers = lists
    sample = put_image(odd, BASE, "latest", "oci")
    plan, pushed = made(order_for(odd), home)
    (about,) = referrers(odd, pushed.digest)
    assert (pushed.attached, pushed.remarks) == (1, [])
    assert about["artifactType"] == IN_TOTO
    assert about["subject"] == {
        "mediaType": FAMILIES["oci"]["manifest"],
        "digest": pushed.digest,
        "size": len(odd.manifests[TARGET, "1.0.0"][1]),
    }
    layer = odd.json_manifest(TARGET, "1.0.0")["layers"][-1]
    hexes = {
        "ours": pushed.digest,
        "base": sample.descriptor["digest"],
        "layer": layer["digest"],
    }
    ours, base, added = ({"sha256": digest[7:]} for digest in hexes.values())
    name = f"{odd.address}/{BASE}:latest"
    assert content(odd, about) == [
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": f"{odd.address}/{TARGET}:1.0.0", "digest": ours}],
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


def put_sbom(odd, about, tag=None):
    """Somebody's list of what is in the base, attached to it."""
    config = odd.add_blob(BASE, b"{}")
    blob = odd.add_blob(BASE, SBOM)
    value = {
        "schemaVersion": 2,
        "mediaType": FAMILIES["oci"]["manifest"],
        "artifactType": "application/spdx+json",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", **config},
        "layers": [{"mediaType": "application/spdx+json", **blob}],
        "subject": about,
    }
    described = odd.add_manifest(BASE, "sbom", FAMILIES["oci"]["manifest"], value)
    if not odd.lists_referrers:
        index = {"schemaVersion": 2, "manifests": [described]}
        tag = about["digest"].replace(":", "-")
        odd.add_manifest(BASE, tag, FAMILIES["oci"]["index"], index)


@pytest.mark.parametrize("lists", [True, False], ids=["by the registry", "under a tag"])
@pytest.mark.parametrize("place", ["mounted", "copied"])
def test_what_refers_to_the_base_refers_to_the_action_too(odd, other, home, lists, place):
    target = other if place == "copied" else odd
    odd.lists_referrers = target.lists_referrers = lists
    sample = put_image(odd, BASE, "latest", "oci")
    put_sbom(odd, sample.descriptor)
    _, pushed = made(order_for(odd, target), home)
    kept = [one for one in referrers(target, pushed.digest) if one["artifactType"] != IN_TOTO]
    assert [content(target, one) for one in kept] == [[json.loads(SBOM)]]
    base = sample.descriptor["digest"]
    assert kept[0]["annotations"] == {"org.opencontainers.image.base.digest": base}
    assert pushed.attached == 2


def test_statements_that_can_not_be_read_are_not_dropped(odd, home):
    odd.lists_referrers = False
    put_image(odd, BASE, "latest", "oci")
    _, pushed = made(order_for(odd), home)
    tag = pushed.digest.replace(":", "-")
    before = odd.manifests[TARGET, tag]
    del odd.manifests[TARGET, "1.0.0"]
    odd.hides_lists = True
    _, again = made(order_for(odd), home)
    assert (again.digest, again.attached) == (pushed.digest, 0)
    assert again.remarks[0].startswith(f"{odd.address} takes no statements on images: GET ")
    assert odd.manifests[TARGET, tag] == before


def test_attestations_of_an_index_are_kept_for_each_of_its_images(odd, home):
    names = ("amd64", "arm64")
    samples = {name: put_image(odd, BASE, name, "oci", architecture=name) for name in names}
    put_index(odd, BASE, "latest", "oci", samples, attested=2)
    _, pushed = made(order_for(odd), home)
    index = odd.json_manifest(TARGET, "1.0.0")
    assert (pushed.attached, pushed.remarks) == (3, [])
    assert len(index["manifests"]) == 2
    for entry in index["manifests"]:
        (kept,) = referrers(odd, entry["digest"])
        base = samples[entry["platform"]["architecture"]].descriptor["digest"]
        assert kept["annotations"]["org.opencontainers.image.base.digest"] == base
        assert content(odd, kept) == [json.loads(SBOM)]


def test_a_registry_that_takes_none_gets_the_image_all_the_same(odd, home):
    odd.refuses_statements = True
    put_image(odd, BASE, "latest", "oci")
    _, pushed = made(order_for(odd), home)
    assert (TARGET, "1.0.0") in odd.manifests
    assert pushed.attached == 0
    assert len(pushed.remarks) == 1
    assert f"{odd.address} takes no statements on images: PUT http://" in pushed.remarks[0]


HOSTILE = {
    "no list": {"manifests": 5},
    "no digests": {"manifests": [1, {}, {"digest": 5}, {"digest": "../../x"}]},
    "itself without end": {"manifests": [{"digest": "sha256:" + "0" * 64}] * 10_000},
}


@pytest.mark.parametrize("listed", HOSTILE.values(), ids=HOSTILE)
def test_odd_lists_of_a_base_are_no_reason_to_have_no_image(odd, home, listed):
    odd.lists_referrers = False
    sample = put_image(odd, BASE, "latest", "oci")
    tag = sample.descriptor["digest"].replace(":", "-")
    odd.add_manifest(BASE, tag, FAMILIES["oci"]["index"], listed)
    made(order_for(odd), home)
    assert (TARGET, "1.0.0") in odd.manifests
    assert len(odd.asked()) < 100


def test_debians_registry_takes_statements_under_a_tag(odd, home):
    put_image(odd, BASE, "latest", "oci")
    order = order_for(odd)
    with real_registry() as address:
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
def test_what_is_signed_with_cosign_is_verified_by_it(odd, home, tmp_path):
    cosign = Cosign(tmp_path)
    put_image(odd, BASE, "latest", "oci")
    order = order_for(odd)
    with real_registry() as address:
        target = order.target._replace(registry=address)
        plan, pushed = made(order._replace(target=target), home)
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
