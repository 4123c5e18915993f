-- Keycloak's role and database, beside Gwanmun's (../postgresql/roles.sql). Once, by psql, as a
-- superuser; the password is read from the directory of secrets.

\set ON_ERROR_STOP on
\set keycloak_password `cat "${GWANMUN_SECRETS:-/run/secrets/gwanmun}/postgres-keycloak-password"`

SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';

CREATE ROLE keycloak LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'keycloak_password';
CREATE DATABASE keycloak OWNER keycloak ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE keycloak FROM PUBLIC;
