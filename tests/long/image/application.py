"""The application: each visit is a row in PostgreSQL and a count in Redis."""

import http.server
import os

import psycopg2
import redis


def visit(client):
    with psycopg2.connect(host="db", dbname="shop", user="shop", password=os.environ["PASSWORD"],
                          connect_timeout=3) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS visits (id serial PRIMARY KEY, client text)")
        cursor.execute("INSERT INTO visits (client) VALUES (%s) RETURNING id", (client,))
        row = cursor.fetchone()[0]
    count = redis.Redis(host="cache", socket_timeout=3).incr("visits")
    return f"row {row} count {count} client {client}\n"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            code, text = 200, visit(self.headers.get("X-Real-IP", "unknown"))
        except (psycopg2.Error, redis.RedisError) as error:
            code, text = 503, f"{error}\n"
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
