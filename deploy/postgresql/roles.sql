-- The roles and the database of Gwanmun. Once, by psql, as a superuser of the server:
--
--   GWANMUN_SECRETS=/run/secrets/gwanmun psql -v ON_ERROR_STOP=1 -f roles.sql
--
-- The directory holds three files, each with one password: postgres-owner-password,
-- postgres-writer-password, postgres-reader-password; and postgres-pruner-password where old records
-- are to be pruned. What is there already stays as it is, but for
-- the passwords. `-v database=NAME` names another database than gwanmun.
--
-- gwanmun_owner   owns the tables. Used by `gwanmun migrate` alone, which gives the others their rights.
-- gwanmun_writer  serves: inserts and reads records, and can neither change nor delete them.
-- gwanmun_reader  reads records: for `gwanmun audit verify` and for auditors.
-- gwanmun_pruner  for `gwanmun audit prune` alone: deletes a record where what is left of it stays.

\set ON_ERROR_STOP on
\if :{?database}
\else
    \set database gwanmun
\endif
\set owner_password `cat "${GWANMUN_SECRETS:-/run/secrets/gwanmun}/postgres-owner-password"`
\set writer_password `cat "${GWANMUN_SECRETS:-/run/secrets/gwanmun}/postgres-writer-password"`
\set reader_password `cat "${GWANMUN_SECRETS:-/run/secrets/gwanmun}/postgres-reader-password"`
\set pruner_password `cat "${GWANMUN_SECRETS:-/run/secrets/gwanmun}/postgres-pruner-password" 2>/dev/null`

-- Passwords reach the server's log neither as statements nor with errors.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';

SELECT format('CREATE ROLE %I', name)
FROM (VALUES ('gwanmun_owner'), ('gwanmun_writer'), ('gwanmun_reader')) AS role (name)
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE gwanmun_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'owner_password';
ALTER ROLE gwanmun_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'writer_password';
ALTER ROLE gwanmun_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'reader_password';

SELECT format('CREATE DATABASE %I OWNER gwanmun_owner ENCODING ''UTF8'' TEMPLATE template0', :'database')
WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = :'database')
\gexec
ALTER DATABASE :"database" OWNER TO gwanmun_owner;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO gwanmun_writer, gwanmun_reader;

SELECT :'pruner_password' <> '' AS prunes \gset
\if :prunes
    SELECT 'CREATE ROLE gwanmun_pruner'
    WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'gwanmun_pruner')
    \gexec
    ALTER ROLE gwanmun_pruner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
        PASSWORD :'pruner_password';
    GRANT CONNECT ON DATABASE :"database" TO gwanmun_pruner;
\endif
