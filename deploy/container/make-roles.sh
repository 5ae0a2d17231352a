#!/bin/sh
# Runs once, as the superuser of a new PostgreSQL: the database, the role that owns its tables and alone migrates, and the role that the
# services connect as, which owns nothing.
set -eu
# psql reads the files itself: a password may hold any character, and shows in no list of processes.
psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER" -d postgres <<'SQL'
\set owner `cat /run/secrets/database_owner_password`
\set service `cat /run/secrets/database_service_password`
CREATE ROLE roost_owner LOGIN PASSWORD :'owner' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE ROLE roost_service LOGIN PASSWORD :'service' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE DATABASE roost OWNER roost_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE roost FROM PUBLIC;
GRANT CONNECT ON DATABASE roost TO roost_service;
\connect roost
ALTER SCHEMA public OWNER TO roost_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SQL
