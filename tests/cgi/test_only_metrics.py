# SPDX-License-Identifier: Apache-2.0
"""/metrics: what is counted, in which form, and who may see it."""

import os
import signal
import subprocess
import time

import pytest

from tests.lib import access, metrics, oci
from tests.lib.access import basic, bearer
from tests.lib.metrics import scrape
from tests.lib.mounts import hanging
from tests.lib.oci import expect, expect_error
from tests.lib.paths import BUILD

LOCAL = {"REMOTE_ADDR": "127.0.0.1"}
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# As Prometheus 2.42 asks.
PREFERS_OPEN = {"Accept": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}


@pytest.fixture
def counting(start_cgi):
    """A front that shows what it counts to who is here."""
    front = start_cgi(metrics="127.0.0.1")
    front.env["REMOTE_ADDR"] = "127.0.0.1"
    return front


def command(front, *args, status=0):
    done = subprocess.run([BUILD / "berth", *args], env={"PATH": "/usr/bin:/bin", **front.env}, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == status, done
    return done


def test_prometheus_text(counting):
    oci.Repository(counting).push_image("v1")
    command(counting, "gc", "-q")
    command(counting, "fsck", "-q")
    response = expect(counting.request("GET", "/metrics"), 200)
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    metrics.check(response.body.decode())
    assert b"# EOF" not in response.body
    head = expect(counting.request("HEAD", "/metrics"), 200)
    assert head.body == b"" and int(head.headers["Content-Length"]) > 1000
    expect_error(counting.request("POST", "/metrics", body=b""), 405, "UNSUPPORTED")


def test_open_metrics_where_it_is_preferred(counting):
    response = expect(counting.request("GET", "/metrics", PREFERS_OPEN), 200)
    assert response.headers["Content-Type"] == OPEN_METRICS
    text = response.body.decode()
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1
    assert "# TYPE registry_http_requests counter\n" in text
    assert "_total" not in "".join(line for line in text.splitlines(True) if line.startswith("#"))
    plain = counting.request("GET", "/metrics", {"Accept": "text/plain,application/openmetrics-text;q=0.1"})
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_requests_by_what_they_were(counting):
    """Also of paths and methods that are none, and of who was refused."""
    for method, path, status, handler in (
            ("GET", "/v2/", 200, "base"), ("GET", "/v2/", 200, "base"), ("GET", "/v2/a/manifests/x", 404, "manifest"),
            ("HEAD", "/v2/a/manifests/x", 404, "manifest"), ("POST", "/v2/a/manifests/x", 405, "manifest"),
            ("GET", "/v2/a/tags/list", 404, "tags"), ("OPTIONS", "/v2/a/tags/list", 200, "tags"),
            ("GET", "/v2/_catalog", 200, "catalog"), ("GET", "/nothing", 404, "other"), ("BREW", "/v2/", 405, "base"),
            ("GET", "/v2/a/referrers/sha256:" + 64 * "0", 200, "referrers"), ("GET", "/livez", 200, "health"),
            ("PUT", "/v2/A/manifests/x", 400, "manifest"), ("GET", "/token", 404, "token")):
        before = scrape(counting)
        assert counting.request(method, path).status in (status, 204 if status == 200 else status)
        after = scrape(counting)
        more = {labels: value - before.get((name, labels), 0) for (name, labels), value in after.items()
                if name == "registry_http_requests_total" and value != before.get((name, labels), 0)}
        word = method.lower() if method != "BREW" else "unknown"
        labels = [dict(labels) for labels in more if ("handler", "metrics") not in labels]
        assert [(one["handler"], one["method"]) for one in labels] == [(handler, word)], (method, path, labels)
        assert after.sum("registry_http_requests_total") - before.sum("registry_http_requests_total") == 2


def test_bytes(counting):
    repo = oci.Repository(counting)
    blob = oci.blob(70000)
    location = repo.start_upload()
    location = repo.send_chunk(location, blob.data[:30000]).headers["Location"]
    seen = scrape(counting)
    assert seen.sum("berth_uploads_open") == 1 and seen.sum("berth_upload_open_bytes") == 30000
    expect(repo.close_upload(location, blob.digest, blob.data[30000:]), 201)
    expect(repo.get(f"blobs/{blob.digest}"), 200)
    expect(repo.get(f"blobs/{blob.digest}", {"Range": "bytes=10-19"}), 206)
    expect(repo.head(f"blobs/{blob.digest}"), 200)
    seen = scrape(counting)
    assert seen.sum("registry_http_request_size_bytes_sum", handler="blob_upload_chunk") == 70000
    assert seen.sum("registry_http_response_size_bytes_sum", handler="blob") == 70010
    assert seen.sum("registry_http_response_size_bytes_count", handler="blob") == 3
    assert seen.sum("berth_uploads_open") == 0 == seen.sum("berth_upload_open_bytes")
    assert seen.sum("berth_uploads_total", event="finished") == 1


def test_what_the_server_sends_counts_as_announced(start_cgi):
    front = start_cgi(metrics="127.0.0.1", sendfile="x-sendfile")
    front.env["REMOTE_ADDR"] = "127.0.0.1"
    repo = oci.Repository(front)
    blob = oci.blob(5000)
    repo.push_blob(blob)
    assert "X-Sendfile" in front.request("GET", f"/v2/{repo.name}/blobs/{blob.digest}").headers
    front.request("GET", f"/v2/{repo.name}/blobs/{blob.digest}", {"Range": "bytes=-7"})
    seen = scrape(front)
    assert seen.sum("registry_http_response_size_bytes_sum", handler="blob") == 5007
    assert "X-Sendfile" in metrics.text_of(front)


def test_uploads_that_come_to_nothing(counting):
    repo = oci.Repository(counting)
    expect(repo.send_chunk(repo.start_upload(), b"abc"), 202)
    location = repo.send_chunk(repo.start_upload(), b"defgh").headers["Location"]
    expect(counting.request("DELETE", location), 204)
    oci.expect_error(repo.close_upload(repo.start_upload(), oci.digest_of(b"x"), b"y"), 400, "DIGEST_INVALID")
    repo.push_blob(oci.blob())  # one request, no session, or a session that ends
    seen = scrape(counting)
    assert seen.sum("berth_uploads_total", event="cancelled") == seen.sum("berth_uploads_total", event="failed") == 1
    assert (seen.sum("berth_uploads_open"), seen.sum("berth_upload_open_bytes")) == (1, 3)


def test_gc_and_fsck(counting):
    """What commands find, and what is counted anew where it had gone wrong."""
    seen = scrape(counting)
    assert not seen.has("berth_store_bytes") and not seen.has("berth_gc_last_run_timestamp_seconds")
    repo = oci.Repository(counting)
    layers = [oci.blob(1000), oci.blob(500)]
    for layer in layers:
        repo.push_blob(layer)
    image = oci.image(layers[0].descriptor(), [layers[1].descriptor()])
    repo.push_manifest(image, "v1")
    repo.put_manifest(image, "v2")
    unused = oci.blob(77)
    repo.push_blob(unused)
    expect(repo.send_chunk(repo.start_upload(), b"12345"), 202)
    for file in os.listdir(counting.env["BERTH_METRICS_DIR"]):
        os.unlink(os.path.join(counting.env["BERTH_METRICS_DIR"], file))
    command(counting, "gc", "-q")
    command(counting, "fsck", "-q")
    seen = scrape(counting)
    assert seen.sum("berth_gc_runs_total", result="ok") == seen.sum("berth_fsck_runs_total", result="ok") == 1
    assert seen.sum("berth_store_bytes") == 1577 + len(image.data)
    assert (seen.sum("berth_store_blobs"), seen.sum("berth_store_manifests")) == (4, 1)
    assert (seen.sum("berth_store_repositories"), seen.sum("berth_store_tags")) == (1, 2)
    assert (seen.sum("berth_garbage_blobs"), seen.sum("berth_garbage_bytes")) == (1, 77)
    assert (seen.sum("berth_uploads_open"), seen.sum("berth_upload_open_bytes")) == (1, 5)
    for name in "gc", "fsck":
        assert time.time() - 60 < seen.sum(f"berth_{name}_last_run_timestamp_seconds") <= time.time() + 1
        assert 0 < seen.sum(f"berth_{name}_last_duration_seconds") < 60
    assert seen.sum("berth_fsck_last_faults") == 0
    command(counting, "gc", "-q", "--dry-run")
    command(counting, "gc", "-q", "--grace", "0s")
    (counting.root / "docker/registry/v2/blobs/sha256" / layers[0].digest[7:9] / layers[0].digest[7:] / "data").unlink()
    command(counting, "fsck", "-q", status=65)
    seen = scrape(counting)
    assert seen.sum("berth_gc_runs_total") == 2 and seen.sum("berth_gc_freed_bytes_total") >= 77 + 5
    assert seen.sum("berth_fsck_runs_total", result="problems") == 1 and seen.sum("berth_fsck_last_faults") > 0


def test_room(counting):
    room = os.statvfs(counting.root)
    seen = scrape(counting)
    assert seen.sum("berth_store_reached") == 1
    assert seen.sum("berth_filesystem_size_bytes") == room.f_blocks * room.f_frsize
    assert abs(seen.sum("berth_filesystem_free_bytes") - room.f_bavail * room.f_frsize) < 1 << 30


def test_a_file_system_that_hangs(counting):
    with hanging(counting.root):
        seen = scrape(counting)
        assert seen.sum("berth_store_reached") == 0 and not seen.has("berth_filesystem_free_bytes")
        assert seen.sum("berth_metrics_shared") == 1


def test_who_works(counting):
    """A request that waits for its body is in flight, until it is killed. It is no worker that others could wait for."""
    assert scrape(counting).sum("berth_workers", state="cgi") == 1
    location = oci.Repository(counting).start_upload()
    process = counting.spawn("PATCH", location, {}, iter([b""]))
    metrics.await_scrape(lambda: scrape(counting),
                         lambda seen: seen.sum("registry_http_in_flight_requests", handler="blob_upload_chunk") == 1)
    seen = scrape(counting)
    assert seen.sum("berth_workers", state="cgi") == seen.sum("berth_workers") == 2
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert scrape(counting).sum("berth_workers", state="cgi") == 1
    assert scrape(counting).sum("registry_http_in_flight_requests") == 1


@pytest.fixture
def site():
    with access.site(passwords=True, tokens=True) as site:
        yield site


def see(front, headers=None, address="203.0.113.7"):
    return front.request("GET", "/metrics", headers, variables={"REMOTE_ADDR": address}).status


def test_by_default_a_login_is_needed(start_cgi, site):
    front = start_cgi(conf=site.conf)
    assert see(front) == see(front, address="127.0.0.1") == see(front, basic("bob", "x")) == 401
    assert see(front, bearer(site.token(exp=1))) == see(front, bearer("x")) == see(front, basic("", "")) == 401
    assert see(front, basic("bob", "b")) == see(front, bearer(site.token())) == 200
    response = front.request("GET", "/metrics")
    assert oci.error_code(response) == "UNAUTHORIZED" and "WWW-Authenticate" in response.headers


def test_without_any_login_nobody_sees_them(start_cgi):
    front = start_cgi()
    assert see(front) == see(front, address="127.0.0.1") == see(front, basic("bob", "b")) == 401
    named = front.request("GET", "/metrics", variables={"REMOTE_USER": "bob", "REMOTE_ADDR": "127.0.0.1"})
    assert named.status == 200  # by the web server


def test_addresses(start_cgi, site):
    front = start_cgi(conf=site.conf, metrics="127.0.0.1 10.0.0.0/8 ::1")
    assert see(front, address="127.0.0.1") == see(front, address="10.9.8.7") == see(front, address="::1") == 200
    assert see(front) == see(front, address="unix:") == 401
    assert see(front, basic("bob", "b")) == 401  # "login" is not said
    assert see(front, basic("bob", "x"), address="::1") == 200  # who need not log in may do it wrong


def test_an_address_of_a_proxy_is_nobodys(start_cgi):
    """Unless it is trusted, and then whoever it names is asked."""
    front = start_cgi(metrics="127.0.0.1")
    for header in "X-Forwarded-For", "Forwarded", "X-Real-IP", "Via":
        assert see(front, {header: "127.0.0.1"}, "127.0.0.1") == 401
    front = start_cgi(metrics="10.0.0.1", trusted_proxies="127.0.0.1 192.0.2.0/24")
    for forwarded, status in (("10.0.0.1", 200), ("10.0.0.2", 401), ("10.0.0.1, 10.0.0.2", 401), ("10.0.0.2, 10.0.0.1", 200),
                              ("10.0.0.1, 192.0.2.9", 200), ("10.0.0.1,192.0.2.9 , 192.0.2.1", 200), ("10.0.0.1:4711", 200),
                              ("10.0.0.1, garbage", 401), ("", 401), (",", 401), ("10.0.0.0/8", 401)):
        assert see(front, {"X-Forwarded-For": forwarded}, "127.0.0.1") == status, forwarded
    assert see(front, {"X-Forwarded-For": "10.0.0.1"}, "203.0.113.7") == 401


def test_a_token(start_cgi, tmp_path):
    file = tmp_path / "token"
    file.write_text("s3cret of Prometheus\n# and nothing else\n")
    front = start_cgi(metrics="token login", metrics_token=file)
    assert see(front, bearer("s3cret of Prometheus")) == 200
    for wrong in "s3cret", "s3cret of Prometheus\n", "", "S3cret of Prometheus", "s3cret of Prometheus2":
        assert see(front, bearer(wrong)) == 401, wrong
    assert see(front) == 401
    file.write_text("\n")
    assert see(front, bearer("")) == see(front, bearer("s3cret of Prometheus")) == 401
    file.unlink()
    assert see(front, bearer("s3cret of Prometheus")) == 401


def test_a_token_beside_tokens_of_users(start_cgi, site, tmp_path):
    (tmp_path / "token").write_text("s3cret")
    front = start_cgi(conf=site.conf, metrics="token", metrics_token=tmp_path / "token")
    assert see(front, bearer("s3cret")) == 200
    assert see(front, bearer(site.token())) == see(front, basic("bob", "b")) == 401
    expect_error(front.request("GET", "/v2/", bearer("s3cret")), 401, "UNAUTHORIZED")


def test_off(start_cgi):
    front = start_cgi(metrics="off")
    expect_error(front.request("GET", "/metrics", variables={"REMOTE_USER": "bob"}), 404, "NAME_UNKNOWN")
    assert not os.path.exists(front.env["BERTH_METRICS_DIR"])


def test_logins_that_fail(start_cgi, site):
    front = start_cgi(conf=site.conf, metrics="127.0.0.1")
    front.env["REMOTE_ADDR"] = "127.0.0.1"
    assert front.request("GET", "/v2/").status == 401  # asks to log in, and shows nothing wrong
    for wrong in (basic("bob", "x"), basic("nobody", "b"), bearer("x"), bearer(site.token(exp=1000, nbf=1, iat=1)),
                  bearer(site.token(aud="else"))):
        assert front.request("GET", "/v2/", wrong).status == 401
    form = b"grant_type=password&username=bob&password=x"
    assert front.request("POST", "/token", {"Content-Type": "application/x-www-form-urlencoded"}, form).status == 401
    assert front.request("PUT", "/v2/private/a/manifests/x", basic("bob", "b"), b"{}").status == 403
    assert front.request("GET", "/v2/private/a/manifests/x", basic("bob", "b")).status == 404
    assert front.request("GET", "/v2/private/a/manifests/x", bearer(site.token())).status == 401  # it is not for this
    seen = scrape(front)
    assert {reason: seen.sum("berth_logins_failed_total", reason=reason) for reason in ("password", "token", "expired")} == \
        {"password": 3, "token": 2, "expired": 1}
    assert seen.sum("berth_requests_denied_total") == 3


def test_nothing_is_lost_without_a_place(start_cgi, tmp_path):
    """A directory that cannot be used is said to be so, and requests are answered."""
    (tmp_path / "file").write_text("")
    front = start_cgi(metrics="127.0.0.1", metrics_dir=tmp_path / "file/below")
    front.env["REMOTE_ADDR"] = "127.0.0.1"
    process = front.spawn("GET", "/metrics")
    output, log = process.communicate(timeout=60)
    assert b"this process counts for itself alone" in log and str(tmp_path).encode() in log
    assert metrics.Scrape(front.response("GET", output).body.decode()).sum("berth_metrics_shared") == 0
    assert oci.Repository(front).push_image("v1")


@pytest.mark.parametrize("value", ["10.0.0.1/8", "everyone", "127.0.0.1:80"])
def test_mistakes(start_cgi, value):
    process = start_cgi(metrics=value).spawn("GET", "/v2/")
    assert b'must be "login", "token", "off", an address' in process.communicate(timeout=60)[1]
    assert process.returncode == 78
