"""A CA and certificates of it, made with openssl, for as long as a test needs them."""
import datetime
import os
import subprocess

CONFIG = '''[ca]
default_ca = d
[d]
database = index.txt
new_certs_dir = .
policy = p
default_md = sha256
rand_serial = yes
unique_subject = no
copy_extensions = copy
[p]
commonName = optional
'''
CURVE = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')


def openssl(*arguments, cwd):
    subprocess.run(('openssl',) + arguments, cwd=cwd, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


class Pki:
    """ca.pem in 'directory', and by issue() NAME.pem and NAME.key."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        with open(directory + '/ca.cnf', 'w') as f:
            f.write(CONFIG)
        open(directory + '/index.txt', 'w').close()
        openssl('req', '-x509', *CURVE, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30',
                '-subj', '/CN=a CA of the tests', cwd=directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, cn=None, san='', begin=-3600, end=86400):
        """Times are in seconds from now."""
        subject = '/CN=' + cn if cn else '/'
        more = ('-addext', 'subjectAltName=' + san) if san else ()
        openssl('req', *CURVE, '-keyout', name + '.key', '-out', name + '.csr', '-subj', subject,
                *more, cwd=self.directory)
        now = datetime.datetime.utcnow()
        when = [(now + datetime.timedelta(seconds=s)).strftime('%Y%m%d%H%M%SZ') for s in (begin, end)]
        openssl('ca', '-batch', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-notext',
                '-in', name + '.csr', '-startdate', when[0], '-enddate', when[1],
                '-out', name + '.pem', cwd=self.directory)

    def read(self, name):
        with open(self.path(name), 'rb') as f:
            return f.read()
