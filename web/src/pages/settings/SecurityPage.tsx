import { Button } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { Badge, Card, Row } from '../../components/Surface';
import { useText } from '../../i18n/I18n';
import { useUser } from '../../session/session';
import { DeviceList } from './DeviceList';
import { PasswordDialog } from './PasswordDialog';
import classes from './Settings.module.css';
import { TwoFactorOff } from './TwoFactorOff';
import { TwoFactorSetup } from './TwoFactorSetup';

/** Password, second factor, and where the account is signed in. */
export function SecurityPage() {
  const text = useText();
  const twoFactor = useUser()?.two_factor ?? false;
  const [open, setOpen] = useState<'password' | 'on' | 'off'>();
  const close = () => {
    setOpen(undefined);
  };
  return (
    <>
      <section className={classes.section} aria-labelledby="security">
        <h2 id="security">{text('settings.security')}</h2>
        <Card rows>
          <Row title={text('security.password')} about={text('security.password.about')}>
            <Button
              variant="default"
              data-testid="change-password"
              onClick={() => {
                setOpen('password');
              }}
            >
              {text('security.password.change')}
            </Button>
          </Row>
          <Row title={text('security.twoFactor')} about={text(twoFactor ? 'security.twoFactor.on' : 'security.twoFactor.off')}>
            {twoFactor && (
              <Badge kind="ok">
                <IconCheck size={16} aria-hidden="true" />
                {text('security.on')}
              </Badge>
            )}
            <Button
              variant={twoFactor ? 'default' : 'light'}
              data-testid="two-factor"
              onClick={() => {
                setOpen(twoFactor ? 'off' : 'on');
              }}
            >
              {text(twoFactor ? 'security.twoFactor.turnOff' : 'security.twoFactor.turnOn')}
            </Button>
          </Row>
        </Card>
        <DeviceList />
      </section>
      {open === 'password' && <PasswordDialog onClose={close} />}
      {open === 'on' && <TwoFactorSetup onClose={close} />}
      {open === 'off' && <TwoFactorOff onClose={close} />}
    </>
  );
}
