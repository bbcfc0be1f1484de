#!/bin/sh
# Called by Patroni once, on the new leader, with the address of its database.
set -eu
psql --dbname "$1" --set ON_ERROR_STOP=1 --set password="$DB_PASSWORD" <<'SQL'
CREATE ROLE erp LOGIN PASSWORD :'password';
CREATE DATABASE erp OWNER erp;
SQL
