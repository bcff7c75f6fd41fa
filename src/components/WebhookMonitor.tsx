/** The platform's name for what the view at `/monitor` shows. */
export { WebhookMonitor } from '../console/views/monitor/webhook-monitor.tsx';
