"""The configuration files of the farm's nginx servers. The limit of requests per second stands for capacity."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

CAPACITY = 20
"""Requests per second that one web server answers without a queue; more of them wait in line."""

SITE = "etc/nginx/conf.d/site.conf"
MAIN = "etc/nginx/nginx.conf"
LISTEN = re.compile(r"(?m)^(\s*listen\s+[\d.]+:)(\d+)(;)")

HEAD = """\
worker_processes 1;
pid run/nginx.pid;
error_log var/log/nginx/error.log warn;
events { worker_connections 512; }
http {
  client_body_temp_path run/body; proxy_temp_path run/proxy; fastcgi_temp_path run/fastcgi;
  uwsgi_temp_path run/uwsgi; scgi_temp_path run/scgi;
"""

WEB_MAIN = (
    HEAD
    + """\
  access_log var/log/nginx/access.log;
  limit_req_zone $server_name zone=capacity:1m rate={capacity}r/s;
  limit_req_log_level notice;
  include conf.d/*.conf;
}}
"""
)

WEB_SITE = """\
server {{
  listen {address}:{port};
  add_header X-Served-By {name} always;
  server_name shop.test;
  location = /healthz {{ access_log off; return 200 "ok\\n"; }}
  location / {{ limit_req zone=capacity burst=500; root var/www; disable_symlinks on from=$document_root; }}
}}
"""

BALANCER_MAIN = (
    HEAD
    + """\
  log_format upstream '$msec $status $request_time up="$upstream_addr" '
                      'ust="$upstream_status" uct="$upstream_connect_time" urt="$upstream_response_time"';
  access_log var/log/nginx/access.log upstream;
  include conf.d/*.conf;
}}
"""
)

BALANCER_SITE = """\
upstream shop {{
{servers}
}}
server {{
  listen {address}:{port};
  server_name shop.test;
  location / {{
    proxy_pass http://shop;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_connect_timeout 2s;
    proxy_read_timeout 5s;
    add_header X-Upstream $upstream_addr always;
  }}
}}
"""


def web_files(name: str, address: str, port: int) -> Mapping[str, str]:
    """The files of a web server, by path below its root."""
    return {
        MAIN: _escaped(WEB_MAIN).format(capacity=CAPACITY),
        SITE: WEB_SITE.format(name=name, address=address, port=port),
        "var/www/index.html": f"hello from {name}\n",
    }


def balancer_files(address: str, port: int, servers: Sequence[tuple[str, int]]) -> Mapping[str, str]:
    """The files of the balancer in front of these servers (address, port), by path below its root."""
    lines = "\n".join(f"  server {host}:{number};" for host, number in servers)
    return {
        MAIN: _escaped(BALANCER_MAIN).format(),
        SITE: BALANCER_SITE.format(address=address, port=port, servers=lines),
        "var/www/index.html": "balancer\n",
    }


def with_port(site: str, port: int) -> str:
    """The same site on another port. Raises ValueError when it has no listen line."""
    changed, times = LISTEN.subn(rf"\g<1>{port}\g<3>", site)
    if not times:
        raise ValueError("the site has no listen line")
    return changed


def port_of(site: str) -> int:
    """The port of the first listen line."""
    found = LISTEN.search(site)
    if found is None:
        raise ValueError("the site has no listen line")
    return int(found.group(2))


def _escaped(template: str) -> str:
    # HEAD has single braces; the rest of a main file is written for str.format already.
    return HEAD.replace("{", "{{").replace("}", "}}") + template.removeprefix(HEAD)
