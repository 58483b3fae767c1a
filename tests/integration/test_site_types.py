"""A site's own event types: a descriptor set beside the built-in ones (--schema), no new code."""

import subprocess

import pytest

import exchange
import policies
from contract import ROOT, v1

PROTO = """
syntax = "proto3";
package site.example.v1;
import "berbagi/v1/annotations.proto";
message PierInspected {
  option (berbagi.v1.event) = { type: "pier.inspected" group: "pier" purposes: "statistics" version: 1 };
  string pier = 1 [(berbagi.v1.rules) = { data_class: DATA_CLASS_PUBLIC, required: true, max_bytes: 10 }];
  bytes picture = 2 [(berbagi.v1.rules) = { data_class: DATA_CLASS_RESTRICTED }];
  %s
}
"""

POLICY = """
agencies:
  - {id: kl.kp2mi, name: KP2MI, kind: kl, region: ID}
  - {id: kab.18.07, name: Lampung Timur, kind: kab, region: "18.07"}
agreements:
  - id: m1
    title: Dermaga
    parties: [kl.kp2mi, kab.18.07]
    signed_on: "2026-01-01"
    valid_from: "2026-01-01"
    valid_to: "2036-12-31"
    grants:
      - {grantees: [kab.18.07], direction: PUBLISH, events: [pier.*], scope: OWN, level: IDENTIFIED,
         purpose: statistics, legal_basis: MoU}
      - {grantees: [kl.kp2mi], direction: SUBSCRIBE, events: [pier.inspected], scope: NATIONAL, level: IDENTIFIED,
         never_fields: [picture], purpose: statistics, legal_basis: MoU}
ceilings:
  - {audience: kl, limits: [{level: IDENTIFIED, scope: NATIONAL, groups: [pier]}]}
"""


def descriptor_set(folder, field=""):
    (folder / "site.proto").write_text(PROTO % field)
    subprocess.run(["protoc", "--include_imports", f"--descriptor_set_out={folder / 'site.binpb'}", f"-I{folder}",
                    f"-I{ROOT / 'proto'}", "-I/usr/include", "site.proto"], check=True, timeout=60)
    return folder / "site.binpb"


@pytest.fixture
def site(make_exchange, tmp_path):
    return make_exchange(policies.from_text(POLICY), "--schema", descriptor_set(tmp_path))


def inspection(pier=b"utara"):
    return exchange.event("pier.inspected", data=b"\x0a" + bytes([len(pier)]) + pier + b"\x12\x03PIC")


def test_type_of_a_site_is_published_and_seen_by_its_view(site):
    site.store("kab.18.07", inspection())

    deliveries, grounds = site.fetch_all("kl.kp2mi")

    assert [delivery.event.data for delivery in deliveries] == [b"\x0a\x05utara"]
    assert [list(ground.hidden_fields) for ground in grounds.values()] == [["picture"]]


def test_type_of_a_site_is_judged_by_its_rules(site):
    result = site.publish("kab.18.07", [inspection(pier=b"x" * 11)]).results[0]

    assert result.outcome == v1.PublishResult.OUTCOME_REJECTED
    assert [violation.field for violation in result.violations] == ["data.pier"]


def test_type_of_a_site_without_the_set_is_unknown(make_exchange):
    running = make_exchange(policies.small())

    result = running.publish("kab.18.07", [inspection()]).results[0]

    assert result.outcome == v1.PublishResult.OUTCOME_REJECTED


def test_set_that_breaks_a_rule_is_refused_at_the_start(make_exchange, tmp_path):
    bad = descriptor_set(tmp_path, "bool is_ill = 3 [(berbagi.v1.rules) = { data_class: DATA_CLASS_PERSONAL }];")
    running = make_exchange(None, "--schema", bad, start=False)

    done = subprocess.run(running.command(), capture_output=True, text=True, timeout=30)

    assert done.returncode == 1
    assert "is_ill" in done.stderr
