# SPDX-License-Identifier: Apache-2.0
"""Who may do what, asked of every front: the same table, the same answers."""

import json
import os
import time
from dataclasses import dataclass

import pytest

from tests.conftest import running_front
from tests.lib import access, oci
from tests.lib.access import USERS, basic, bearer, grants
from tests.live.conftest import SERVERS

REPOSITORIES = ["public/app", "private/app", "frozen/app", "absent/app"]
TAG, IMMUTABLE = "latest", "v1"


@dataclass
class Place:
    front: object
    site: access.Site
    images: dict  # what each repository holds


@pytest.fixture(scope="module", params=["cgi", *SERVERS])
def place(request):
    """A front with rules; its repositories are filled by the admin."""
    with access.site() as site, running_front(request.param, env=site.env) as front:
        site.write(access.RULES.replace("readonly = true", ""))
        images = {}
        for name in REPOSITORIES[:3]:
            repo = oci.Repository(As(front, basic("alice", USERS["alice"])), name)
            images[name] = repo.push_image(TAG)
            oci.expect(repo.put_manifest(images[name], IMMUTABLE), 201)
        site.write(access.RULES)
        yield Place(front, site, images)


class As:
    """A front as it is for one who shows these headers."""

    def __init__(self, front, headers):
        self.front, self.headers, self.root = front, headers, front.root

    def request(self, method, target, headers=None, body=None):
        return self.front.request(method, target, {**self.headers, **dict(headers or {})}, body)


def all_actions(actions):
    return grants(**{name: actions for name in REPOSITORIES})


IDENTITIES = {
    "nobody": lambda site: {},
    "user": lambda site: basic("bob", USERS["bob"]),
    "member": lambda site: basic("alice", USERS["alice"]),
    "admin": lambda site: basic("root", USERS["root"]),
    "wrong password": lambda site: basic("alice", "x"),
    "unknown user": lambda site: basic("nobody", "x"),
    "token of nobody": lambda site: bearer(site.token(sub="", access=all_actions("pull,push,delete"))),
    "token of user": lambda site: bearer(site.token(sub="bob", access=all_actions("pull,push,delete"))),
    "token of member": lambda site: bearer(site.token(access=all_actions("pull,push,delete"))),
    "token to pull": lambda site: bearer(site.token(access=all_actions("pull"))),
    "token for nothing": lambda site: bearer(site.token()),
    "token of issuer": lambda site: bearer(access.token(site.issuer, iss="https://issuer.example", aud="berth.example",
                                                        access=all_actions("pull,push,delete"))),
    "expired": lambda site: bearer(site.token(exp=int(time.time()) - 120, access=all_actions("pull,push,delete"))),
    "foreign": lambda site: bearer(access.token(site.issuer, access=all_actions("pull,push,delete"))),
    "tampered": lambda site: bearer(tampered(site.token(sub="bob", access=all_actions("pull,push,delete")))),
}
WRONG = ("wrong password", "unknown user", "expired", "foreign", "tampered")


def tampered(token):
    header, claims, signature = token.split(".")
    padded = access.base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
    return f"{header}.{access.b64(padded.replace(b'bob', b'root'))}.{signature}"


# What each route wants: to pull, push or delete. The digest and upload are such as nobody has, so that a cell that is
# let through changes nothing and is answered as that which is not there; a manifest that is put is none.
UPLOAD = "/blobs/uploads/01234567-89ab-cdef-0123-456789abcdef"
DIGEST = "sha256:" + "0" * 64
ROUTES = [
    ("GET", "/blobs/" + DIGEST, "pull", 404), ("HEAD", "/blobs/" + DIGEST, "pull", 404),
    ("GET", "/manifests/" + TAG, "pull", 200), ("HEAD", "/manifests/" + TAG, "pull", 200),
    ("GET", "/tags/list", "pull", 200), ("GET", "/referrers/" + DIGEST, "pull", 200),
    ("POST", "/blobs/uploads/?digest=nonsense", "push", 400), ("GET", UPLOAD, "push", 404),
    ("PATCH", UPLOAD, "push", 404), ("PUT", UPLOAD + "?digest=" + DIGEST, "push", 404),
    ("DELETE", UPLOAD, "push", 404), ("PUT", "/manifests/" + TAG, "push", 400),
    ("DELETE", "/manifests/" + DIGEST, "delete", 404), ("DELETE", "/blobs/" + DIGEST, "delete", 404),
]

# Each cell: what becomes of who wants that of a repository. "ok": the route answers for what is there. 404: as if it
# did not exist. Columns are pull, push, delete.
OUTCOMES = {
    "public/app": {
        "nobody": ("ok", 401, 401), "user": ("ok", 403, 403), "member": ("ok", "ok", "ok"), "admin": ("ok", "ok", "ok"),
        "token of nobody": ("ok", 401, 401), "token of user": ("ok", 403, 403), "token of member": ("ok", "ok", "ok"),
        "token to pull": ("ok", 401, 401), "token for nothing": (401, 401, 401), "token of issuer": ("ok", "ok", "ok"),
    },
    "private/app": {
        "nobody": (401, 401, 401), "user": ("hidden", 403, 403), "member": ("ok", "ok", "ok"),
        "admin": ("ok", "ok", "ok"), "token of nobody": (401, 401, 401), "token of user": ("hidden", 403, 403),
        "token of member": ("ok", "ok", "ok"), "token to pull": ("ok", 401, 401), "token for nothing": (401, 401, 401),
        "token of issuer": ("ok", "ok", "ok"),
    },
    "frozen/app": {
        "nobody": ("ok", 401, 401), "user": ("ok", 403, 403), "member": ("ok", 403, 403), "admin": ("ok", 403, 403),
        "token of nobody": ("ok", 401, 401), "token of user": ("ok", 403, 403), "token of member": ("ok", 403, 403),
        "token to pull": ("ok", 401, 401), "token for nothing": (401, 401, 401), "token of issuer": ("ok", 403, 403),
    },
    "absent/app": {  # falls to the rule for all others
        "nobody": (401, 401, 401), "user": ("absent", 403, 403), "member": ("absent", "ok", 403),
        "admin": ("absent", "ok", "ok"), "token of nobody": (401, 401, 401), "token of user": ("absent", 403, 403),
        "token of member": ("absent", "ok", 403), "token to pull": ("absent", 401, 403),
        "token for nothing": (401, 401, 403), "token of issuer": ("absent", "ok", 403),
    },
}


def body_for(method):
    return b"" if method in ("POST", "PUT", "PATCH") else None


def ask(place, identity, method, target):
    return As(place.front, IDENTITIES[identity](place.site)).request(method, target, body=body_for(method))


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("repository", REPOSITORIES)
def test_every_route(place, repository, identity):
    for method, suffix, action, answer in ROUTES:
        if identity in WRONG:
            wanted = 401
        else:
            wanted = OUTCOMES[repository][identity][("pull", "push", "delete").index(action)]
        response = ask(place, identity, method, f"/v2/{repository}{suffix}")
        cell = f"{identity} {method} {repository}{suffix}: {response.status}, wanted {wanted}"
        if wanted == "ok":
            assert response.status == answer, cell
        elif wanted in ("hidden", "absent"):
            assert response.status == (200 if "/referrers/" in suffix else 404), cell
        else:
            assert response.status == wanted, cell
        assert response.headers.get_all("Docker-Distribution-Api-Version") == ["registry/2.0"], cell
        challenges = response.headers.get_all("WWW-Authenticate") or []
        assert len(challenges) == (response.status == 401), cell


FIXED = {  # /v2/, the catalog, /token
    "nobody": (200, [401, 401, 200]), "user": (200, [200, 200, 200]), "member": (200, [200, 200, 200]),
    "admin": (200, [200, 200, 200]), "token of nobody": (200, [200, 401, 401]), "token of user": (200, [200, 401, 401]),
    "token of member": (200, [200, 401, 401]), "token to pull": (200, [200, 401, 401]),
    "token for nothing": (200, [200, 401, 401]), "token of issuer": (200, [200, 401, 401]),
    **{identity: (401, [401, 401, 401]) for identity in WRONG},
}


@pytest.mark.parametrize("identity", IDENTITIES)
def test_routes_without_repository(place, identity):
    found = [ask(place, identity, "GET", path).status for path in ("/v2/", "/v2/_catalog", "/token")]
    assert found == FIXED[identity][1]
    assert ask(place, identity, "HEAD", "/v2").status == found[0]


@pytest.mark.parametrize("identity", IDENTITIES)
def test_methods_that_no_route_has(place, identity):
    for method, path, wanted in [("PUT", "/v2/", 405), ("POST", "/v2/_catalog", 405), ("DELETE", "/token", 405),
                                 ("POST", "/v2/public/app/tags/list", 405), ("GET", "/v2/public/app/x", 404)]:
        response = ask(place, identity, method, path)
        assert response.status == (401 if identity in WRONG else wanted), f"{identity} {method} {path}"


def test_hidden_is_as_absent(place):
    """Status, headers and body: nothing tells a repository that one may not see from one that is not there. The two names
    are as long as each other."""
    for method, suffix, action, _ in ROUTES:
        answers = []
        for repository in ("private/app", "private/not"):
            response = ask(place, "user", method, f"/v2/{repository}{suffix}")
            headers = [(name, value.replace(repository, "NAME")) for name, value in response.headers.items()
                       if name not in ("Date", "X-Request-Id")]  # which no two answers share
            answers.append((response.status, headers, response.body.replace(repository.encode(), b"NAME")))
        assert answers[0] == answers[1], f"{method} {suffix}"


@pytest.mark.parametrize("identity, seen", [
    ("user", ["frozen/app", "public/app"]), ("member", ["frozen/app", "private/app", "public/app"]),
    ("admin", ["frozen/app", "private/app", "public/app"]),
])
def test_catalog_is_filtered(place, identity, seen):
    response = oci.expect(ask(place, identity, "GET", "/v2/_catalog"), 200)
    assert sorted(json.loads(response.body)["repositories"]) == seen


def test_catalog_pages_are_full(place):
    """What is left out by the rules does not make a page shorter, and the pages come to an end."""
    target, seen = "/v2/_catalog?n=1", []
    while target:
        response = oci.expect(ask(place, "user", "GET", target), 200)
        page = json.loads(response.body)["repositories"]
        assert len(page) == 1
        seen += page
        link = response.headers.get("Link")
        target = link[1:link.index(">")] if link else None
    assert seen == ["frozen/app", "public/app"]


def test_catalog_by_token(place):
    text = place.site.token(sub="bob", access=[{"type": "registry", "name": "catalog", "actions": ["*"]}])
    response = oci.expect(As(place.front, bearer(text)).request("GET", "/v2/_catalog"), 200)
    assert json.loads(response.body)["repositories"] == ["frozen/app", "public/app"]


@pytest.mark.parametrize("source", ["from=private/app&", "from=private/app-that-is-not&", ""])
def test_mount_of_what_one_may_not_read(place, source):
    """With and without `from`: an upload begins, as for a blob that is not there."""
    layer = place.images["private/app"].document["layers"][0]["digest"]
    place.site.write(access.RULES + 'repository "bobs" {{ pull = {{"bob"}} push = {{"bob"}} }}')
    try:
        query = f"/v2/bobs/blobs/uploads/?{source}mount={layer}"
        response = As(place.front, basic("bob", USERS["bob"])).request("POST", query, body=b"")
        assert response.status == 202
        missing = As(place.front, basic("bob", USERS["bob"])).request("HEAD", f"/v2/bobs/blobs/{layer}")
        assert missing.status == 404
    finally:
        place.site.write(access.RULES)


def test_mount_of_what_the_token_is_not_for(place):
    layer = place.images["private/app"].document["layers"][0]["digest"]
    query = f"/v2/public/app/blobs/uploads/?from=private/app&mount={layer}"
    narrow = bearer(place.site.token(access=grants(**{"public/app": "pull,push"})))
    assert As(place.front, narrow).request("POST", query, body=b"").status == 202
    wide = bearer(place.site.token(access=grants(**{"public/app": "pull,push", "private/app": "pull"})))
    assert As(place.front, wide).request("POST", query, body=b"").status == 201


def test_immutable_tag(place):
    """It can be made, and pushed again as it is, but not moved or deleted, by tag or digest; the admin may."""
    member = oci.Repository(As(place.front, basic("alice", USERS["alice"])), "public/app")
    image = place.images["public/app"]
    oci.expect(member.put_manifest(image, IMMUTABLE), 201)
    other = member.push_image("v2")
    oci.expect_error(member.put_manifest(other, IMMUTABLE), 403, "DENIED")
    oci.expect_error(member.put_manifest(other, f"{other.digest}?tag=new&tag={IMMUTABLE}"), 403, "DENIED")
    assert "new" not in member.tags()
    oci.expect_error(member.delete(f"manifests/{IMMUTABLE}"), 403, "DENIED")
    oci.expect_error(member.delete(f"manifests/{image.digest}"), 403, "DENIED")
    assert {IMMUTABLE, TAG} <= set(member.tags())
    admin = oci.Repository(As(place.front, basic("root", USERS["root"])), "public/app")
    oci.expect(admin.put_manifest(other, IMMUTABLE), 201)
    oci.expect(admin.put_manifest(image, IMMUTABLE), 201)
    oci.expect(admin.delete("manifests/v2"), 202)


def test_18_what_an_immutable_tag_needs(place):
    """Its children and blobs cannot be deleted, by whoever may not delete the tag; what refers to it can."""
    member = oci.Repository(As(place.front, basic("alice", USERS["alice"])), "public/app")
    child = member.push_image()
    child_blobs = [child.document["config"]["digest"], child.document["layers"][0]["digest"]]
    index = member.push_manifest(oci.index([child.descriptor()]), "v18")
    signature = member.push_manifest(oci.index([], subject=index.descriptor()))
    for path in [f"manifests/{child.digest}", *(f"blobs/{blob}" for blob in child_blobs)]:
        answer = oci.expect_error(member.delete(path), 403, "DENIED")
        assert "the immutable tag v18 needs" in answer.json()["errors"][0]["message"]
        oci.expect(member.get(path), 200)
    oci.expect(member.delete(f"manifests/{signature.digest}"), 202)
    admin = oci.Repository(As(place.front, basic("root", USERS["root"])), "public/app")
    oci.expect(admin.delete(f"manifests/{index.digest}"), 202)
    oci.expect(member.delete(f"blobs/{child_blobs[1]}"), 202)
    oci.expect(member.delete(f"manifests/{child.digest}"), 202)


def test_11_a_session_outlives_its_token(place):
    """Who began an upload with a good token may finish it with that, for a day; the rules are asked each time."""
    now = int(time.time())
    repo = oci.Repository(As(place.front, bearer(place.site.token(access=all_actions("pull,push")))), "public/app")

    def ended(begins=-1000, ends=-300, user="alice", actions="pull,push"):
        return As(place.front, bearer(place.site.token(sub=user, iat=now + begins, nbf=now + begins, exp=now + ends,
                                                       access=all_actions(actions))))

    def begin(age=600):
        location = repo.start_upload()
        started = repo.directory / "_uploads" / location.rpartition("/")[2] / "startedat"
        os.utime(started, (now - age, now - age))
        return location

    location = begin()
    oci.expect(ended().request("PATCH", location, body=b"x"), 202)
    oci.expect(ended(begins=-500).request("GET", location), 204)  # a later one, as clients get them on the way
    oci.expect(ended(ends=-700).request("GET", location), 401)  # was over before
    oci.expect(ended(actions="pull").request("PATCH", location, body=b"x"), 401)
    oci.expect_error(ended(user="root").request("PATCH", location, body=b"x"), 404, "BLOB_UPLOAD_UNKNOWN")
    oci.expect_error(ended(user="bob").request("PATCH", location, body=b"x"), 403, "DENIED")
    for method, target in (("POST", "/v2/public/app/blobs/uploads/"), ("GET", "/v2/public/app/tags/list"), ("GET", "/v2/"),
                           ("PUT", "/v2/public/app/manifests/x"), ("PATCH", location.replace("public", "private")),
                           ("PATCH", location[:-1] + ("0" if location[-1] != "0" else "1"))):
        oci.expect(ended().request(method, target, body=body_for(method)), 401)
    place.site.write(access.RULES.replace('push = {{"@devs"}}', 'push = {{"nobody"}}'))
    try:
        oci.expect_error(ended().request("PATCH", location, body=b"x"), 403, "DENIED")
    finally:
        place.site.write(access.RULES)
    oci.expect(ended().request("PUT", f"{location}?digest={oci.digest_of(b'x')}", body=b""), 201)
    oci.expect(ended(begins=-90000, ends=-80000).request("GET", begin(age=85000)), 204)
    oci.expect(ended(begins=-90000, ends=-80000).request("GET", begin(age=86500)), 401)


def test_session_of_another_user(place):
    mine = oci.Repository(As(place.front, basic("alice", USERS["alice"])), "public/app")
    location = mine.start_upload()
    others = As(place.front, basic("root", USERS["root"]))
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        query = "?digest=" + DIGEST if method == "PUT" else ""
        response = others.request(method, location + query, body=body_for(method))
        oci.expect_error(response, 404, "BLOB_UPLOAD_UNKNOWN")
    token = As(place.front, bearer(place.site.token(access=all_actions("pull,push"))))
    assert token.request("GET", location).status == 204  # by whichever way the same user comes
