TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -c -M 8328 in/ja.file
