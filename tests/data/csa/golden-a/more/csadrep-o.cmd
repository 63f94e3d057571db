TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csadrep -o /nonexistent/file -s out/spacct.csa
